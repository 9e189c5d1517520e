"""How samples and pictures were made, kept in the file that holds them, and read back from it."""

import html
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zoo.common import files
from zoo.common.errors import DataError

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

# the name of the record: in a PNG's text chunk, and in the metadata of safetensors
KEY = "zoo"
# the same in an .npz
ENTRY = "provenance"
# the same in a folder
FOLDER_FILE = "provenance.json"
# the chunk of a WAV file that holds it
WAV_CHUNK = b"zoo "
# how the first line of a .txt begins that holds it; the texts stand below
TXT_LINE = "# zoo: "

# the formats of pictures that the zoo writes, as Pillow calls them
PICTURES = ("PNG", "JPEG", "WEBP", "GIF")
# bytes that are read of a record at most
LONGEST = 1 << 20
# chunks, segments or blocks of a picture that are looked at before the search is given up
MOST_CHUNKS = 1000
# entries of an .npz, and bytes of its table of contents, that are read at most
MOST_ENTRIES = 64
LONGEST_DIRECTORY = 1 << 16

# the number of the field with the metadata of an ONNX model
ONNX_METADATA = 14
# the file with the record in the archive of a torch program
PT2_RECORD = "zoo.json"
# entries of such an archive that are read at most: each tensor has one
MOST_TENSORS = 10_000

XMP_CHUNK = b"XML:com.adobe.xmp"
# the name of the box of an MP4 that holds XMP
MP4_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\x00"
# what the International Press Telecommunications Council calls a picture that a trained model made
GENERATED = "trainedAlgorithmicMedia"
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_PACKET = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about=""{attributes}/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
_MARK = (
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{_SOURCE_TYPES}{GENERATED}"'
)
_RECORD = ' xmlns:zoo="urn:genzoo#" zoo:made='


def xmp(made: Mapping[str, Any] | None = None, *, generated: bool = True) -> bytes:
    """An XMP packet, the machine-readable note that pictures carry.

    **Arguments:**
    - `made`: how the picture was made; left out, the packet holds the mark alone.
    - `generated`: whether to mark the picture as made by a trained model (IPTC's
        `digitalSourceType` is `trainedAlgorithmicMedia`).
    """
    attributes = _MARK if generated else ""
    if made is not None:
        attributes += f'{_RECORD}"{html.escape(json.dumps(made))}"'
    return _PACKET.format(attributes=attributes).encode()


def chunk(made: Mapping[str, Any], *, generated: bool = True) -> "PngInfo":
    """The text chunks to save a PNG with (Pillow's `pnginfo`): the record, and the mark in XMP."""
    info = marked_chunk(generated=generated)
    info.add_itxt(KEY, json.dumps(made))
    return info


def marked_chunk(*, generated: bool = True) -> "PngInfo":
    """The same with the mark alone."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if generated:
        info.add_itxt(XMP_CHUNK.decode(), xmp().decode())
    return info


def read(path: Path) -> dict[str, Any]:
    """How a picture, an array file or a folder of samples that the zoo wrote was made.

    No picture is decoded and no array is loaded: the reader takes bounded time and memory,
    whatever the file holds.

    **Raises:** `DataError` when the file does not say it, or the zoo did not write it.
    """
    record, _ = _look(path)
    if record is None:
        raise _unknown(path)
    return record


def describe(path: Path) -> dict[str, Any]:
    """What `read` gives and, of a picture that carries it, the mark of generated content as
    `digital_source_type`.
    """
    record, mark = _look(path)
    if record is None:
        raise _unknown(path)
    return {**record, "digital_source_type": mark} if mark else record


def source_type(path: Path) -> str:
    """The mark of generated content that a picture carries: `trainedAlgorithmicMedia`, or ""
    where there is none.

    **Raises:** `DataError` when the file can't be read."""
    return _look(path)[1]


def _look(path: Path) -> tuple[dict[str, Any] | None, str]:
    """The record in a file, None when there is none, and the mark, "" when there is none."""
    try:
        if files.is_folder(path):
            return _in_folder(path), ""
        _refuse_unopenable(path)
        with files.open_regular(path) as file:
            reader = _READERS.get(path.suffix.lower(), _in_picture)
            return reader(file)
    except DataError:
        raise
    # readers of six formats meet files that may be hostile
    except Exception as error:
        raise _unknown(path) from error


def _refuse_unopenable(path: Path) -> None:
    """Raise `DataError` for a file that is missing, is closed to this user, or is a device or a
    named pipe.
    """
    try:
        files.open_regular(path).close()
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from error


def _unknown(path: Path) -> DataError:
    why = "it doesn't say how it was made"
    if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".gif") and not _opens(path):
        why = "it is not a readable image"
    return DataError(f"{path} is not a file that the zoo wrote: {why}.")


def _opens(picture: Path) -> bool:
    """Whether a picture is whole as far as its head and its checksums say; it is not decoded. A
    large one, which would take long, counts as whole.
    """
    if picture.stat().st_size > LONGEST:
        return True
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # a picture of very many pixels is none that the zoo decodes here
            warnings.simplefilter("ignore")
            with Image.open(picture, formats=PICTURES) as image:
                image.verify()
    except Exception:
        return False
    return True


def _record(text: str | bytes) -> dict[str, Any] | None:
    """A record from its JSON; None when it is not a JSON object."""
    made = json.loads(text)
    return made if isinstance(made, dict) else None


def _in_folder(folder: Path) -> dict[str, Any] | None:
    if not (folder / FOLDER_FILE).exists():
        raise DataError(f"{folder} is a folder without samples that the zoo wrote.")
    with files.open_regular(folder / FOLDER_FILE) as file:
        return _record(file.read(LONGEST))


def _in_safetensors(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > 2 * LONGEST:
        return None, ""
    header = json.loads(file.read(length))
    return _record(header["__metadata__"][KEY]), ""


def _in_npz(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The entry "provenance": an array of one text, as numpy writes it."""
    refuse_large_directory(file)
    with zipfile.ZipFile(file) as archive, archive.open(f"{ENTRY}.npy") as entry:
        content = entry.read(4 * LONGEST)
    import numpy as np

    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        return None, ""
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if shape != () or dtype.kind != "U":
        return None, ""
    text = stream.read(dtype.itemsize)
    encoding = "utf-32-be" if dtype.byteorder == ">" else "utf-32-le"
    return _record(text.decode(encoding).rstrip("\0")), ""


def refuse_large_directory(
    file: BinaryIO, most: int = MOST_ENTRIES, longest: int = LONGEST_DIRECTORY
) -> None:
    """Raise `ValueError` when a zip's table of contents is larger than that of any samples: Python
    would load all of it.

    **Arguments:**
    - `most`: entries that it may have.
    - `longest`: bytes that it may have.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    entries, directory = struct.unpack_from("<HL", tail, end + 10)
    wide = tail.rfind(b"PK\x06\x06")
    if wide >= 0:
        entries, directory = struct.unpack_from("<QQ", tail, wide + 32)
    elif b"PK\x06\x07" in tail:
        raise ValueError("the end of the archive lies elsewhere")
    if end < 0 or entries > most or directory > longest:
        raise ValueError("no archive of samples")
    file.seek(0)


def _in_picture(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The record and the mark of a picture, whichever of the four formats it is in."""
    start = file.read(12)
    file.seek(0)
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        texts = _png_texts(file)
    elif start.startswith(b"\xff\xd8"):
        texts = _jpeg_texts(file)
    elif start.startswith(b"RIFF") and start.endswith(b"WEBP"):
        texts = _webp_texts(file)
    elif start.startswith((b"GIF87a", b"GIF89a")):
        texts = _gif_texts(file)
    else:
        return None, ""
    record, mark = None, ""
    for name, text in texts:
        if name == KEY:
            record = _record(text)
        elif name == "xmp":
            mark = mark or _mark(text)
            record = record or _record_in_xmp(text)
    return record, mark


def _mark(packet: bytes) -> str:
    _, found, rest = packet.partition(b"DigitalSourceType")
    _, known, rest = rest[:200].partition(_SOURCE_TYPES.encode())
    if not (found and known):
        return ""
    return rest.decode("ascii", "replace").partition('"')[0].partition("<")[0]


def _record_in_xmp(packet: bytes) -> dict[str, Any] | None:
    _, found, rest = packet.partition(_RECORD.encode())
    if not found or rest[:1] not in (b'"', b"'"):
        return None
    value, closed, _ = rest[1:].partition(rest[:1])
    return _record(html.unescape(value.decode())) if closed else None


def _png_texts(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The uncompressed international texts (iTXt) that stand before a PNG's pixels."""
    file.seek(8)
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"IDAT", b"IEND"):
            return
        if kind != b"iTXt" or length > LONGEST:
            file.seek(length + 4, io.SEEK_CUR)
            continue
        data, check = file.read(length), file.read(4)
        if len(check) < 4 or zlib.crc32(kind + data) != int.from_bytes(check, "big"):
            raise ValueError("a damaged chunk")
        keyword, _, rest = data.partition(b"\0")
        # a flag of compression, its method, a language and a translated keyword come before it
        if rest[:1] == b"\0":
            text = rest[2:].split(b"\0", 2)[2]
            name = "xmp" if keyword == XMP_CHUNK else keyword.decode("latin-1")
            yield name, text


def _jpeg_texts(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The XMP packet among the segments that stand before a JPEG's pixels."""
    file.seek(2)
    for _ in range(MOST_CHUNKS):
        marker, length = struct.unpack(">2sH", file.read(4))
        if marker[0] != 0xFF or marker[1] == 0xDA or length < 2:
            return
        data = file.read(length - 2)
        if marker[1] == 0xE1 and data.startswith(XMP_SEGMENT):
            yield "xmp", data[len(XMP_SEGMENT) :]


def _webp_texts(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The XMP packet among the chunks of a WebP; it stands behind the pixels."""
    file.seek(12)
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return
        kind, length = struct.unpack("<4sI", header)
        if kind == b"XMP " and length <= LONGEST:
            yield "xmp", file.read(length)
            return
        file.seek(length + length % 2, io.SEEK_CUR)


def _gif_texts(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The comments that stand before a GIF's first frame."""
    header = file.read(13)
    if header[10] & 0x80:
        file.seek(3 << ((header[10] & 7) + 1), io.SEEK_CUR)
    room = LONGEST
    for _ in range(MOST_CHUNKS):
        kind = file.read(2)
        if not kind.startswith(b"!"):
            return
        parts = []
        while (length := file.read(1)) and length != b"\0":
            parts.append(file.read(length[0]))
            room -= 1 + length[0]
            if room < 0:
                return
        if kind == b"!\xfe":
            yield "xmp", b"".join(parts)


def _in_wav(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The record among the chunks that stand before a WAV file's samples."""
    start = file.read(12)
    if not (start.startswith(b"RIFF") and start.endswith(b"WAVE")):
        return None, ""
    for _ in range(MOST_CHUNKS):
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind == WAV_CHUNK and length <= LONGEST:
            return _record(file.read(length)), ""
        if kind == b"data":
            return None, ""
        file.seek(length + length % 2, io.SEEK_CUR)
    return None, ""


def _in_txt(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The record in the first line."""
    line = file.readline(LONGEST)
    if not line.startswith(TXT_LINE.encode()):
        return None, ""
    return _record(line[len(TXT_LINE) :]), ""


def _in_jsonl(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The record in the first line's object, under the name `zoo`."""
    first = json.loads(file.readline(LONGEST))
    record = first.get(KEY)
    return (record if isinstance(record, dict) else None), ""


def _in_mp4(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The XMP packet in a box of its own, among the boxes of an MP4."""
    for _ in range(MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        length, kind = struct.unpack(">I4s", header)
        if kind == b"uuid" and 24 <= length <= LONGEST and file.read(16) == MP4_XMP:
            packet = file.read(length - 24)
            return _record_in_xmp(packet), _mark(packet)
        if kind == b"uuid":
            file.seek(-16, io.SEEK_CUR)
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            file.seek(-8, io.SEEK_CUR)
        if length < 8:
            raise ValueError("a box without an end")
        file.seek(length - 8, io.SEEK_CUR)
    return None, ""


def _in_onnx(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The text "zoo" among the metadata of an ONNX model, a protocol buffer: fields, each with its
    number, its type and its content. The network itself is stepped over.
    """
    for _ in range(MOST_CHUNKS):
        number, content = _field(file)
        if number == 0:
            break
        if number != ONNX_METADATA:
            continue
        entry, texts = io.BytesIO(content), []
        for _ in range(2):
            texts.append(_field(entry)[1])
        if texts[0] == KEY.encode():
            return _record(texts[1]), ""
    return None, ""


def _field(file: BinaryIO) -> tuple[int, bytes]:
    """The number of the next field of a protocol buffer, 0 at its end, and its content; none where
    it is a number or too long.
    """
    mark = _varint(file)
    number, kind = mark >> 3, mark & 7
    if kind == 0:
        _varint(file)
        return number, b""
    if kind != 2:
        raise ValueError("no model in ONNX has such a field")
    length = _varint(file)
    if length <= LONGEST:
        return number, file.read(length)
    file.seek(length, io.SEEK_CUR)
    return number, b""


def _varint(file: BinaryIO) -> int:
    """A whole number in groups of seven bits, the lowest first; 0 at the end of the file."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return 0
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError("a number of more than ten bytes")


def _in_pt2(file: BinaryIO) -> tuple[dict[str, Any] | None, str]:
    """The file zoo.json in the archive of a torch program."""
    refuse_large_directory(file, MOST_TENSORS, LONGEST)
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.endswith(f"extra/{PT2_RECORD}"):
                with archive.open(name) as entry:
                    return _record(entry.read(LONGEST)), ""
    return None, ""


_READERS: dict[str, Callable[[BinaryIO], tuple[dict[str, Any] | None, str]]] = {
    ".npz": _in_npz,
    ".mp4": _in_mp4,
    ".onnx": _in_onnx,
    ".pt2": _in_pt2,
    ".safetensors": _in_safetensors,
    ".wav": _in_wav,
    ".txt": _in_txt,
    ".jsonl": _in_jsonl,
}
