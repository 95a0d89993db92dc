"""A content check that finds nudity with the detector of NudeNet: the extra `nudenet`.

Only its model is used: its code would load OpenCV, use every core and swap red and blue.
"""

import ast
import os
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from jobs.config.settings import Settings

if TYPE_CHECKING:
    import onnxruntime

SIDE = 320  # pixels; the model's input size
GREY = (114, 114, 114)  # the padding used in training
MODEL = "nudenet/320n.onnx"


class NudityCheck:
    """Blocks pictures in which one of `settings.nudity_labels` scores `settings.nudity_threshold` or more.

    Raises `ImportError` without the extra, `ValueError` for a label that the model does not have.
    """

    def __init__(self, settings: Settings) -> None:
        self._session = _open_session()
        # The model file holds the names as a Python literal, {0: "FEMALE_GENITALIA_COVERED", ...}
        names = ast.literal_eval(self._session.get_modelmeta().custom_metadata_map["names"])
        self._rows = {label: row for row, label in names.items() if label in settings.nudity_labels}
        self._threshold = settings.nudity_threshold
        unknown = ", ".join(label for label in settings.nudity_labels if label not in self._rows)
        if unknown:
            known = ", ".join(sorted(names.values()))
            raise ValueError(f"SUPERIMPOSE_NUDITY_LABELS: the model knows no {unknown}; it knows {known}")

    def __call__(self, name: str, picture: Image.Image) -> str | None:  # noqa: ARG002 - all pictures are checked alike
        """The label with the highest score, and that score."""
        scores = self.scores(picture)
        label = max(scores, key=scores.__getitem__)
        return f"{label} {scores[label]:.2f}" if scores[label] >= self._threshold else None

    def scores(self, picture: Image.Image) -> dict[str, float]:
        """Each blocked label and its highest score, 0 to 1, anywhere in the RGB `picture`."""
        [output] = self._session.run(None, {"images": _letterboxed(picture)})
        best = output[0, 4:].max(axis=1)  # (1, 4 + labels, boxes): the box, then a score per label
        return {label: float(best[row]) for label, row in self._rows.items()}


def _letterboxed(picture: Image.Image) -> npt.NDArray[np.float32]:
    """The RGB `picture` scaled to fit and padded with grey, as (1, 3, SIDE, SIDE) float32, 0 to 1."""
    smaller = picture.reduce(max(1, max(picture.size) // (2 * SIDE)))  # much faster than `pad` alone
    square = ImageOps.pad(smaller, (SIDE, SIDE), Image.Resampling.BILINEAR, color=GREY)
    bands = np.asarray(square, np.float32).transpose(2, 0, 1)[np.newaxis] / np.float32(255)
    return np.ascontiguousarray(bands)


def _open_session() -> "onnxruntime.InferenceSession":
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it when imported
    try:
        import onnxruntime

        model = distribution("nudenet").locate_file(MODEL)
    except (ImportError, PackageNotFoundError):
        raise ImportError("it needs the extra nudenet: pip install '.[nudenet]' in the clone") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are the parallelism
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
