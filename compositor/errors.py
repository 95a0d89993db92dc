"""The errors of a picture or its parameters, with a text for the client.

CompositorError
├── InvalidImage        code "invalid_image"
├── ImageTooLarge       code "image_too_large"
└── InvalidParameters   code "invalid_parameters"
"""


class CompositorError(Exception):
    """A picture that cannot be used, or not as requested.

    `input` is the parameter at fault and `code` the error code. The text says what was found, what is allowed
    and what to do.
    """

    code: str

    def __init__(self, input: str, problem: str) -> None:
        super().__init__(f"{input}: {problem}")
        self.input = input


class InvalidImage(CompositorError):
    """Not a picture, an incomplete one, or one in a format that is not allowed."""

    code = "invalid_image"


class ImageTooLarge(CompositorError):
    """More bytes, pixels, pixels per side or frames than the limits allow."""

    code = "image_too_large"


class InvalidParameters(CompositorError):
    """Parameters that do not fit the pictures."""

    code = "invalid_parameters"


def megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.4g} MP"


def is_decoder_error(error: Exception) -> bool:
    """Whether `error` is of a class that decoders raise for invalid files.

    False for `MemoryError` and for exceptions that are sent into this thread, such as a job's timeout: a
    handler of decoder errors must let these pass.
    """
    package = type(error).__module__.partition(".")[0]
    return package in ("builtins", "PIL", "struct", "zlib") and not isinstance(error, MemoryError)
