"""A patch over a frame: exact where it must be, and nowhere else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pi_stream.media.colour import ycc_from_rgb
from pi_stream.media.frame import Frame
from pi_stream.overlay.patch import Patch

WIDTH, HEIGHT = 32, 24


def noise() -> Frame:
    data = np.random.default_rng(7).integers(0, 256, WIDTH * HEIGHT * 3 // 2, dtype=np.uint8)
    return Frame(data, WIDTH, HEIGHT, seq=0, captured=0)


def plain(width: int, height: int, *colour: int) -> NDArray[np.uint8]:
    return np.full((height, width, 4), colour, dtype=np.uint8)


def rounded(*rgb: int) -> list[int]:
    return [int(each) for each in np.minimum(np.rint(ycc_from_rgb(np.array(rgb))), 255)]


def test_full_alpha_gives_the_exact_colour() -> None:
    """Whatever was in the picture, an opaque pixel is the colour to the last bit, in luma and chroma."""
    for rgb in ((255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255), (18, 171, 86)):
        frame = noise()
        Patch(plain(WIDTH, HEIGHT, *rgb, 255), 0, 0, (WIDTH, HEIGHT)).blend(frame)
        y, u, v = rounded(*rgb)
        assert (frame.y == y).all()
        assert (frame.u == u).all()
        assert (frame.v == v).all()


def test_zero_alpha_leaves_every_bit() -> None:
    """A transparent patch changes nothing, of whatever colour it would be."""
    frame = noise()
    Patch(plain(WIDTH, HEIGHT, 255, 0, 255, 0), 0, 0, (WIDTH, HEIGHT)).blend(frame)
    assert np.array_equal(frame.data, noise().data)


@pytest.mark.parametrize("alpha", [1, 64, 127, 128, 200, 254])
def test_between_the_two_it_is_the_mean(alpha: int) -> None:
    """Every other alpha is within one of the exact mixture, over all pixels there are."""
    frame, before = noise(), noise()
    Patch(plain(WIDTH, HEIGHT, 250, 40, 90, alpha), 0, 0, (WIDTH, HEIGHT)).blend(frame)
    for plane, was, colour in zip(
        (frame.y, frame.u, frame.v), (before.y, before.u, before.v), rounded(250, 40, 90), strict=True
    ):
        exact = (was * (255.0 - alpha) + colour * float(alpha)) / 255
        assert np.abs(plane - exact).max() <= 1


def test_a_chroma_pixel_has_the_mean_alpha_of_its_four() -> None:
    """At an odd place the border's chroma is mixed by how many of its four pixels are covered; luma by each alone."""
    frame, before = noise(), noise()
    Patch(plain(3, 3, 255, 0, 0, 255), 5, 7, (WIDTH, HEIGHT)).blend(frame)
    y, u, _ = rounded(255, 0, 0)
    assert (frame.y[7:10, 5:8] == y).all()
    changed = np.argwhere(frame.y != before.y)
    assert changed.min(axis=0).tolist() >= [7, 5]
    assert changed.max(axis=0).tolist() <= [9, 7]
    shares = {(3, 2): 0.25, (3, 3): 0.5, (4, 2): 0.5, (4, 3): 1.0}  # by row and column of the chroma planes
    for (row, column), share in shares.items():
        assert abs(frame.u[row, column] - (before.u[row, column] * (1 - share) + u * share)) <= 1
    untouched = np.ones(frame.u.shape, dtype=bool)
    untouched[3:5, 2:4] = False
    assert np.array_equal(frame.u[untouched], before.u[untouched])
    assert np.array_equal(frame.v[untouched], before.v[untouched])


def test_the_chroma_of_transparent_pixels_does_not_count() -> None:
    """Beside a transparent green, a red stays red: colours are weighed by their alpha."""
    pixels = plain(2, 2, 0, 255, 0, 0)
    pixels[0, 0] = (255, 0, 0, 255)
    frame = noise()
    frame.u[...] = 128
    Patch(pixels, 4, 4, (WIDTH, HEIGHT)).blend(frame)
    assert abs(frame.u[2, 2] - (128 * 0.75 + rounded(255, 0, 0)[1] * 0.25)) <= 1


@pytest.mark.parametrize("x", [-9, -5, 0, 13, WIDTH - 3, WIDTH - 1, WIDTH, 500, -500])
@pytest.mark.parametrize("y", [-7, 0, HEIGHT - 2, HEIGHT, -500])
def test_what_lies_outside_is_cut_off(x: int, y: int) -> None:
    """A patch may stick out on any side, or lie wholly outside."""
    frame, before = noise(), noise()
    Patch(plain(8, 6, 255, 255, 255, 255), x, y, (WIDTH, HEIGHT)).blend(frame)
    expected = before.y.copy()
    expected[max(y, 0) : max(y + 6, 0), max(x, 0) : max(x + 8, 0)] = 255
    assert np.array_equal(frame.y, expected)


def test_margins_in_which_nothing_is_drawn_cost_nothing() -> None:
    """What is drawn stays where it is, to the bit, and only its own pixels are covered."""
    pixels = plain(20, 18, 0, 0, 0, 0)
    pixels[7:10, 5:8] = (255, 0, 0, 255)
    one, other = noise(), noise()
    patch = Patch(pixels, 2, -1, (WIDTH, HEIGHT))
    patch.blend(one)
    Patch(plain(3, 3, 255, 0, 0, 255), 7, 6, (WIDTH, HEIGHT)).blend(other)
    assert np.array_equal(one.data, other.data)
    assert patch.area == 16


def test_a_patch_as_tall_as_several_strips_is_one() -> None:
    """Patches are prepared some rows at a time, and the seams do not show."""
    height = 200
    ramp = np.zeros((height, 4, 4), dtype=np.uint8)
    ramp[..., 1] = np.arange(height)[:, None]
    ramp[..., 3] = 255
    frame = Frame(np.zeros(6 * height, dtype=np.uint8), 4, height, seq=0, captured=0)
    Patch(ramp, 0, 0, (4, height)).blend(frame)
    expected = np.rint(ycc_from_rgb(ramp[..., :3])[..., 0])
    assert np.array_equal(frame.y, expected)
    shifted = Frame(np.zeros(6 * height, dtype=np.uint8), 4, height, seq=0, captured=0)
    Patch(ramp, 0, -3, (4, height)).blend(shifted)
    assert np.array_equal(shifted.y[:-3], expected[3:])
    assert (shifted.y[-3:] == 0).all()


def test_a_frame_of_another_size_is_refused() -> None:
    """A patch belongs to pictures of one size."""
    with pytest.raises(ValueError, match="32x24 was given a 4x2 frame"):
        Patch(plain(2, 2, 0, 0, 0, 255), 0, 0, (WIDTH, HEIGHT)).blend(
            Frame(np.zeros(12, dtype=np.uint8), 4, 2, seq=0, captured=0)
        )
