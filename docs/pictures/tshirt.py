"""Makes the T-shirt of the samples: the photograph, its mask and its displacement map.

The cloth is a field of heights over a table: a pattern, folds, seams and knit. A softbox at the upper left
lights it. Lengths are in pixels of the photograph.

    python docs/pictures/tshirt.py [FOLDER]
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE, MIDDLE = 1200, 600
SAMPLES = Path(__file__).parents[2] / "jobs" / "pictures" / "samples"
RANDOM = np.random.default_rng(17)
Y, X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)


def blurred(field, sigma_x, sigma_y=None):
    pad = 100
    field = np.pad(field, pad, mode="edge")
    fx, fy = np.fft.rfftfreq(field.shape[1]), np.fft.fftfreq(field.shape[0])[:, None]
    decay = np.exp(-2 * np.pi**2 * ((sigma_x * fx) ** 2 + ((sigma_y or sigma_x) * fy) ** 2))
    return np.fft.irfft2(np.fft.rfft2(field) * decay, field.shape)[pad:-pad, pad:-pad].astype(np.float32)


def noise(sigma_x, sigma_y=None):
    field = blurred(RANDOM.standard_normal((SIZE, SIZE)), sigma_x, sigma_y)
    return field / field.std()


def step(edge, width, field):
    """0 below `edge`, 1 beyond `edge + width`, smooth between."""
    t = np.clip((field - edge) / width, 0, 1)
    return t * t * (3 - 2 * t)


def bell(field, width):
    return np.exp(-((field / width) ** 2))


def rounded(away, radius):
    """The height of a rolled edge, of 1, by the distance from it."""
    return np.sqrt(1 - (1 - np.clip(away / radius, 0, 1)) ** 2)


# The pattern: its right half, x from the middle


def curve(*points):
    """A Bezier curve as a polyline."""
    t = np.linspace(0, 1, 18)[:, None]
    points = [np.array([point], float) for point in points]
    while len(points) > 1:
        points = [a * (1 - t) + b * t for a, b in pairwise(points)]
    return points[0]


COLLAR, SHOULDER, CUFF, ARMPIT = (102, 128), (300, 184), (528, 356), (344, 436)
BACK_NECK = curve(COLLAR, (70, 150), (40, 156), (0, 157))
FRONT_NECK = curve(COLLAR, (97, 196), (56, 240), (0, 240))
SHOULDER_SEAM = curve(COLLAR, (180, 143), (250, 164), SHOULDER)
SLEEVE = curve(SHOULDER, (356, 202), (440, 268), CUFF)
SLEEVE_HEM = curve(CUFF, (474, 444), (410, 516))
UNDERARM = curve((410, 516), (372, 470), ARMPIT)
ARMHOLE = curve(SHOULDER, (262, 270), (276, 380), ARMPIT)
SIDE = curve(ARMPIT, (334, 560), (340, 860), (351, 1060))
HEM = curve((351, 1060), (230, 1075), (100, 1076), (0, 1076))
OUTLINE = np.concatenate([BACK_NECK[::-1], SHOULDER_SEAM, SLEEVE, SLEEVE_HEM, UNDERARM, SIDE, HEM])


def laid(half):
    """The two halves, no longer quite each other's mirror image."""
    x, y = half.T
    halves = []
    for side in (-1, 1):
        dx = 8 * np.sin(y / 150 + 2 * side) + 2 * np.sin(y / 47 + 3 * side) * step(430, 100, y)
        dy = 3 * np.sin(x * side / 110 + 1) + 2 * np.sin(x * side / 49) * step(900, 100, y)
        dy += (9 - 7 * side) * step(300, 230, x)
        halves.append(np.stack([MIDDLE + side * x + dx, y + dy], 1))
    return halves


def across(half):
    """One line through both halves of a line that touches the middle."""
    left, right = laid(half)
    return np.concatenate([right, left[::-1]])


def filled(polygon):
    image = Image.new("L", (SIZE * 4, SIZE * 4))
    ImageDraw.Draw(image).polygon([tuple(point) for point in polygon * 4], fill=255)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32) / 255


def distance(*lines):
    """From each pixel to the nearest of the lines, and how far along that line the nearest point is."""
    half_x, half_y = X[::2, ::2] + 0.5, Y[::2, ::2] + 0.5
    nearest, along = np.full_like(half_x, 1e9), np.zeros_like(half_x)
    for line in lines:
        done = np.float32(0)
        for start, end in pairwise(np.float32(line)):
            length = max(np.hypot(*(end - start)), np.float32(1e-6))
            ux, uy = (end - start) / length
            x, y = half_x - start[0], half_y - start[1]
            t = np.clip(x * ux + y * uy, 0, length)
            here = np.hypot(x - t * ux, y - t * uy)
            closer = here < nearest
            nearest[closer], along[closer] = here[closer], (done + t)[closer]
            done += length
    return [np.asarray(Image.fromarray(field).resize((SIZE, SIZE))) for field in (nearest, along)]


# The cloth


def fold(x, y, angle, length, width, height, bend, widening=0.0):
    """A ridge from a point on, in degrees clockwise from the right, steeper on one side than on the other."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along = ((X - x) * cos + (Y - y) * sin) / length
    aside = (Y - y) * cos - (X - x) * sin - bend * length * along**2
    aside /= np.where(aside < 0, 0.7, 1.3) * width * (1 + widening * np.clip(along, 0, 1.5))
    return height * np.exp(-0.5 * aside**2) * step(-0.12, 0.4, along) * step(-1.1, 0.75, -along)


def fan(side, angles, lengths, heights):
    """Folds out of an armpit; angles as if it were the right one."""
    draw, total = RANDOM.uniform, 0
    for angle in angles + draw(-6, 6, len(angles)):
        x = MIDDLE + side * (ARMPIT[0] + 22 * np.cos(np.radians(angle)))
        y = ARMPIT[1] + 22 * np.sin(np.radians(angle)) + draw(-8, 8)
        towards = angle if side > 0 else 180 - angle
        size = draw(0.8, 1.3)
        total += fold(x, y, towards, draw(*lengths), 12 * size, draw(*heights) * size, draw(-0.1, 0.1), 1.6)
    return total


def folds():
    draw = RANDOM.uniform
    total = 9 * noise(75, 130) + 2.2 * noise(32, 60)
    for side in (-1, 1):
        total += fan(side, np.array([238, 218, 200, 184, 166, 148, 128, 112]), (170, 380), (7, 14))
        total += fan(side, np.array([262, 290, 318, 345, 368]), (110, 190), (6, 12))  # into the sleeve
    for _ in range(15):  # down the body
        x, slant, width = draw(300, 900), draw(-14, 14), draw(16, 34)
        angle = 90 + 0.07 * (x - MIDDLE) + slant
        total += fold(x, draw(300, 780), angle, draw(220, 420), width, draw(-9, 15), draw(-0.12, 0.12), 0.6)
    for x, y, angle in ((330, 235, 36), (395, 215, 62), (850, 225, 140), (800, 215, 118), (480, 330, 48)):
        total += fold(x, y, angle, draw(240, 380), 17, draw(6, 10), draw(-0.12, 0.12), 0.8)
    for _ in range(9):  # up from the hem
        x, angle = draw(280, 920), 270 + draw(-16, 16)
        total += fold(x, 1110, angle, draw(110, 230), draw(14, 26), draw(4, 9), draw(-0.1, 0.1))
    for _ in range(90):  # creases
        x, y, angle = draw(130, 1070), draw(180, 1060), draw(40, 140)
        total += fold(x, y, angle, draw(50, 130), draw(5, 10), draw(-1.8, 2.4), draw(-0.2, 0.2))
    return total


def stitches(away, along, at):
    return bell(away - at, 1.5) * (0.55 + 0.45 * np.cos(along * (2 * np.pi / 8)))


def rib(away, along):
    return 0.5 * np.cos(along * (2 * np.pi / 5.5)) * step(-28, 3, -away)


def neck_label():
    image = Image.new("F", (SIZE, SIZE), 0)
    draw = ImageDraw.Draw(image)
    draw.rectangle((MIDDLE - 25, 196, MIDDLE + 23, 222), fill=1)
    draw.text((MIDDLE - 1, 209), "M", fill=-3, font=ImageFont.load_default(17), anchor="mm")
    return blurred(np.asarray(image), 0.6)


class Shirt:
    """`mask`, `folds` alone, `height` with everything, and `albedo`."""

    def __init__(self):
        outline, front_neck, back_neck = across(OUTLINE), across(FRONT_NECK), across(BACK_NECK)
        upper, opening = filled(outline), filled(np.concatenate([front_neck, back_neck[::-1]]))
        self.mask = np.maximum(upper, filled(outline + np.array([1, 6])))  # the back shows below the front
        self.folds = folds()
        edge, _ = distance(np.concatenate([outline, outline[:1]]))
        front, front_along = distance(front_neck)
        back, back_along = distance(back_neck)
        hem, hem_along = distance(across(HEM), *laid(SLEEVE_HEM))
        armhole, _ = distance(*laid(ARMHOLE))

        free = np.minimum(
            0.7 * step(0, 70, edge) + 0.3 * step(0, 12, edge), 0.25 + 0.75 * step(20, 60, front)
        )
        outside = 4 * rounded(edge, 5) + 6 * step(-10, 50, edge) + free * self.folds
        outside += 0.7 * noise(5) * (bell(hem - 18, 13) + 0.8 * np.exp(-armhole / 9))  # puckers
        outside += 2.4 * step(-34, 4, -hem) * rounded(hem, 6)
        outside += 1.5 * bell(armhole - 8, 6) - 2 * bell(armhole, 2)
        outside += 2.2 * rounded(front, 5) * step(-33, 4, -front) - 1.6 * bell(front - 31, 2)
        outside += rib(front, front_along)
        inside = (
            5
            + 2.5 * step(-30, 4, -back)
            + 1.5 * step(-42, 2, -back)
            + rib(back, back_along)
            + 0.3 * noise(20)
        )
        height = (outside * (1 - opening) + inside * opening) * upper + 2 * self.mask

        seams = stitches(hem, hem_along, 27) + stitches(hem, hem_along, 33) + stitches(front, front_along, 37)
        seams = seams * (1 - opening) + stitches(back, back_along, 40) * opening
        label = neck_label() * opening
        knit = 0.06 * noise(0.5, 0.9) + 0.03 * noise(0.7, 4) + 0.015 * noise(2)
        self.height = blurred(height, 0.7) + self.mask * (knit - 0.9 * seams) + np.clip(label, 0, 1)
        self.albedo = 0.9 * (1 - 0.07 * seams) * (1 - 0.05 * opening) * (1 + 0.006 * noise(0.8, 1.2))
        self.albedo *= 1 + 0.12 * np.minimum(label, 0.2)


# The light


def light(height):
    """What the softbox and the room give each pixel, less what the cloth hides; 1 on the bare table."""
    slope_y, slope_x = np.gradient(height)
    upright = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    softbox, room = np.zeros_like(height), np.zeros_like(height)
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False, dtype=np.float32):
        x, y = np.cos(angle), np.sin(angle)
        horizon = np.zeros_like(height)
        for far in (1, 2, 4, 7, 11, 17, 26, 40, 60):
            rise = np.roll(height, (-round(y * far), -round(x * far)), (0, 1)) - height
            np.maximum(horizon, rise / far, out=horizon)
        sin = horizon / np.sqrt(1 + horizon**2)
        turned = -(slope_x * x + slope_y * y) * upright
        # the integral, from the horizon up, of the cosine between the normal and a sky of even brightness
        sky = turned * (np.arccos(sin) - sin * np.sqrt(1 - sin**2)) + upright * (1 - sin**2)
        sky = np.maximum(sky, 0)
        room += sky
        softbox += sky * max(0, np.cos(angle - np.radians(222))) ** 3
    return softbox / softbox[:40].mean(), room / room[:40].mean()


def photograph(shirt):
    softbox, room = light(shirt.height)
    softbox = np.where(shirt.mask > 0.5, softbox, np.minimum(softbox, 1))  # no bright rim on the table
    softbox = blurred(softbox, 0.6) * (1.06 - 0.16 * np.hypot(X - 330, Y - 260) / SIZE)
    shadow = 0.3 * blurred(np.roll(shirt.mask, (14, 11), (0, 1)), 16)
    shadow += 0.12 * blurred(np.roll(shirt.mask, (36, 28), (0, 1)), 45)
    table = 0.62 * (1 + 0.012 * noise(1.2) + 0.02 * noise(160)) * (1 - shadow)
    table = table[..., None] * np.array([1.01, 1, 0.975])
    surface = table + shirt.mask[..., None] * (shirt.albedo[..., None] - table)
    shone = 0.56 * softbox[..., None] * np.array([1, 0.985, 0.96])
    shone = shone + 0.3 * blurred(room, 0.6)[..., None] * np.array([0.97, 0.985, 1])
    bright = 0.86 * (surface * shone / 0.84) ** 1.2  # a little more contrast
    shown = (bright / (1 + bright**6) ** (1 / 6)) ** (1 / 2.2)  # softly up to white
    grain = 0.006 * RANDOM.standard_normal((SIZE, SIZE, 1))
    return Image.fromarray(np.uint8(np.clip((shown + grain) * 255 + 0.5, 0, 255)))


def displacement(shirt):
    """Up the slopes of the folds, neutral off the cloth; half the size is enough."""
    slopes = np.gradient(blurred(shirt.folds, 16) * blurred(shirt.mask, 12))
    down, right = (128 - 127 * np.tanh(slope / 0.35) for slope in slopes)
    field = np.stack([right, down, np.full_like(down, 128)], 2)
    return Image.fromarray(np.uint8(field + 0.5)).resize((SIZE // 2, SIZE // 2), Image.Resampling.BOX)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    shirt = Shirt()
    photograph(shirt).save(folder / "tshirt.jpg", quality=88, optimize=True)
    Image.fromarray(np.uint8(shirt.mask * 255 + 0.5)).save(folder / "tshirt-mask.png", optimize=True)
    displacement(shirt).save(folder / "tshirt-displacement.png", optimize=True)


if __name__ == "__main__":
    main()
