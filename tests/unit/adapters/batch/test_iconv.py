"""Mixed EBCDIC pages, with double bytes between shifts: by the C library where it has them, else refused."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch import codepage, iconv
from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.encode import EncodeError
from adapters.batch.kernels.column import column
from adapters.batch.reference import BadValueError, decode_value
from schemas.errors import SettingsError

needs_glibc = pytest.mark.skipif(not iconv.available("cp939"), reason="the C library has no page 939")
#: Texts with their bytes.
SAMPLES = [
    ("930", "日本語", "0e4562456648e70f"),
    ("939", "東京ABC", "0e455745750fc1c2c3"),
    ("933", "한글1", "0ed0658b690ff1"),
    ("1364", "한글1", "0ed0658b690ff1"),
    ("935", "中文", "0e5bcf57c30f"),
    ("1388", "中文", "0e5bcf57c30f"),
]
COPYBOOK = "01 R. 05 A PIC X(12). 05 G PIC G(3) DISPLAY-1. 05 N PIC 9(3)."


@needs_glibc
@pytest.mark.parametrize(("page", "text", "raw"), SAMPLES)
def test_mixed_pages_read_and_write_shifts(page: str, text: str, raw: str) -> None:
    """Text with double bytes is read, and written with the shifts around them."""
    made = CodePage.named(page)
    assert made.shifts
    assert made.encode(text).hex() == raw
    assert made.decode(bytes.fromhex(raw)) == text


@needs_glibc
def test_records_in_a_mixed_page() -> None:
    """PIC X has shifts, PIC G none; both are padded by their own blanks, and numbers are as ever."""
    codec = RecordCodec(COPYBOOK, code_page="939")
    values = {"A": "東京 AB", "G": "日本", "N": 42}
    raw = codec.encode(values)
    assert raw.hex() == "0e455745750f40c1c2404040" + "456245664040" + "f0f4f2"
    assert codec.decode(raw) == values
    assert codec.decode(codec.encode({})) == {"A": "", "G": "", "N": 0}
    for wrong, reason in (("日本語東京", "do not fit PIC G"), ("日A", "no pair of bytes")):
        with pytest.raises(EncodeError, match=reason):
            codec.encode({"G": wrong})


@needs_glibc
def test_without_a_mixed_page_double_bytes_are_hexadecimal() -> None:
    """PIC G is text only where the page says what its pairs are."""
    assert RecordCodec(COPYBOOK, code_page="037").decode(b"\x40" * 12 + b"\x45\x62" * 3 + b"\xf0" * 3)[
        "G"
    ] == ("456245624562")


BYTES = st.sampled_from([0x0E, 0x0F, 0x40, 0x45, 0x62, 0x66, 0xC1, 0xF1, 0x25, 0x00, 0xFF, 0x15])


@needs_glibc
@given(
    st.lists(st.lists(BYTES, min_size=6, max_size=6).map(bytes), min_size=1, max_size=5),
    st.sampled_from(["930", "939", "1388", "1364"]), st.sampled_from(["PIC X(6)", "PIC G(3) DISPLAY-1"]),
    st.sampled_from(["padding", "left", "both", "all", "none"]),
)  # fmt: skip
def test_columns_equal_the_twin_on_any_bytes(raws: list[bytes], name: str, clauses: str, trim: str) -> None:
    """Whole columns decode as item by item: shifts missing or twice, halves of pairs, line ends."""
    page = CodePage.named(name)
    storage = layouts(parse(f"01 R. 05 A {clauses}."))[0].record.children[0].storage
    assert storage is not None
    view = np.frombuffer(b"".join(raws), np.uint8).reshape(len(raws), 6)
    array, bad = column(view, storage, page, trim)  # type: ignore[arg-type]
    for raw, value, wrong in zip(raws, array.to_pylist(), bad.tolist(), strict=True):
        try:
            expected = decode_value(raw, storage, page, trim)  # type: ignore[arg-type]
        except BadValueError:
            assert wrong
        else:
            assert not wrong
            assert value == expected


@needs_glibc
def test_an_error_says_where_it_is() -> None:
    """Bytes that are no character, and characters that the page has not, are found at their place."""
    with pytest.raises(UnicodeDecodeError) as decoding:
        b"\xc1\x0e\xff\xff\x0f".decode("cp939")
    assert decoding.value.start == 2
    with pytest.raises(UnicodeEncodeError) as encoding:
        "AB\U0001f600".encode("cp939")
    assert encoding.value.start == 2


@pytest.mark.parametrize("page", ["300", "939"])
def test_a_page_that_nobody_has_is_refused(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a codec the page is refused by name, with what can be done; nothing is guessed."""

    def nothing(name: str) -> None:
        raise LookupError(name)

    monkeypatch.setattr(codepage, "_codec", nothing)
    codepage._build.cache_clear()
    with pytest.raises(SettingsError, match=f"code page {page} mixes single and double bytes") as caught:
        CodePage.named(page)
    assert "glibc" in caught.value.fix
    codepage._build.cache_clear()


@needs_glibc
def test_every_bad_byte_is_replaced_however_many_there_are() -> None:
    """Bytes without a character become marks one by one: a long run of them is no recursion."""
    iconv.register()
    bad = b"\x0e\x00" * 3000
    assert bad.decode("cp939", "replace").count("\ufffd") >= 3000
    assert (bad + b"\xc1").decode("cp939", "ignore").endswith("A")


@needs_glibc
def test_a_threads_converters_are_closed_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that starts a thread for each file does not keep their converters."""
    iconv.register()
    closed: list[int] = []
    close = iconv._library().iconv_close
    monkeypatch.setattr(iconv._library(), "iconv_close", lambda one: (closed.append(one), close(one)))
    thread = threading.Thread(target=lambda: b"\xc1".decode("cp939"))
    thread.start()
    thread.join()
    assert len(closed) == 1
