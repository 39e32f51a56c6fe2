import struct

import numpy as np
import pytest

from tonegraft_export.renderer import RendererError, find, read_wav, write_wav


def test_wav_round_trip(tmp_path):
    audio = np.random.default_rng(0).standard_normal((3, 17)).astype(np.float32)
    write_wav(tmp_path / "a.wav", audio, 44_100)
    found, rate = read_wav(tmp_path / "a.wav")
    assert rate == 44_100
    assert found.tobytes() == audio.tobytes()


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_are_read(tmp_path, bits):
    values = [0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))]
    data = b"".join(value.to_bytes(bits // 8, "little", signed=True) for value in values)
    form = struct.pack("<HHIIHH", 1, 1, 48_000, 6_000 * bits, bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"odd " + struct.pack("<I", 1) + b"x\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    found, _ = read_wav(path)
    np.testing.assert_allclose(found[0], np.array(values) / 2 ** (bits - 1), rtol=1e-7)


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVE", b"RIFX" + b"\0" * 40])
def test_no_wav(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.wav"):
        read_wav(tmp_path / "a.wav")


def test_a_renderer_that_is_not_there(tmp_path):
    with pytest.raises(RendererError, match="not there"):
        find(tmp_path / "none")
