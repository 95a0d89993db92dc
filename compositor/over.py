"""Source-over, the compositing of W3C Compositing and Blending Level 1, section 5."""

from PIL import Image

from compositor.box import Box


def put_over(canvas: Image.Image, piece: Image.Image, box: Box) -> None:
    """Composite `piece` over `box` of `canvas`, in place. Both are RGB or RGBA, `box` lies inside `canvas`.

    A transparent canvas stays so where the piece is: co = cs as + cb ab (1 - as), ao = as + ab (1 - as).
    """
    if piece.mode == "RGB":
        canvas.paste(piece.convert(canvas.mode), box)
    elif canvas.mode == "RGB":
        canvas.paste(piece, box, piece)
    else:
        canvas.alpha_composite(piece, box[:2])
