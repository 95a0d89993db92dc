"""What can be wrong with a picture, in words for the person who sent it.

CompositorError
├── InvalidImage        code "invalid_image"
├── ImageTooLarge       code "image_too_large"
└── InvalidParameters   code "invalid_parameters"
"""


class CompositorError(Exception):
    """A picture that cannot be used, or not as asked.

    `input` is the parameter at fault, for a picture the one it came in, `code` the machine word, and the text
    says what was found, what is allowed and what to do.
    """

    code: str

    def __init__(self, input: str, problem: str) -> None:
        super().__init__(f"{input}: {problem}")
        self.input = input


class InvalidImage(CompositorError):
    """Not a picture, not a whole one, or not in a format that is allowed."""

    code = "invalid_image"


class ImageTooLarge(CompositorError):
    """More bytes, pixels or pixels on a side than the limits allow."""

    code = "image_too_large"


class InvalidParameters(CompositorError):
    """Parameters that do not go with the pictures."""

    code = "invalid_parameters"


def is_decoders(error: Exception) -> bool:
    """Whether `error` is of a class that decoders raise at bad files.

    False for `MemoryError` and for what others send into this thread, such as a job's timeout: whoever
    handles a decoder's errors must let those pass.
    """
    home = type(error).__module__.partition(".")[0]
    return home in ("builtins", "PIL", "struct", "zlib") and not isinstance(error, MemoryError)
