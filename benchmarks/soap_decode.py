"""Rows of a SOAP answer to Arrow columns on one core, beside zeep, lxml's iterparse and expat.

One list answer of four fields a row (int, string, boolean, decimal). Rates are per second of processor
time, best of three, each in a process of its own, so that growth of memory is the decoder's. Banyan
decodes, checks against the schema and makes Arrow columns; `records` is its per-record reference. The
hand-written lxml and expat loops make dicts and check nothing. The last line streams a long answer through
the same decoder. Run: python benchmarks/soap_decode.py [rows] [megabytes of the long answer]
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

NAMESPACE = "urn:example:benchmark"
WSDL = f"""<wsdl:definitions targetNamespace="{NAMESPACE}" xmlns:t="{NAMESPACE}"
 xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema"><wsdl:types><xs:schema targetNamespace="{NAMESPACE}"
 elementFormDefault="qualified"><xs:element name="items"><xs:complexType><xs:sequence>
 <xs:element name="item" type="t:Item" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
 </xs:element><xs:complexType name="Item"><xs:sequence><xs:element name="id" type="xs:int"/>
 <xs:element name="name" type="xs:string"/><xs:element name="active" type="xs:boolean"/>
 <xs:element name="price" type="xs:decimal"/></xs:sequence></xs:complexType></xs:schema></wsdl:types>
 <wsdl:message name="M"><wsdl:part name="p" element="t:items"/></wsdl:message>
 <wsdl:portType name="P"><wsdl:operation name="List"><wsdl:input message="t:M"/><wsdl:output message="t:M"/>
 </wsdl:operation></wsdl:portType><wsdl:binding name="B" type="t:P">
 <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
 <wsdl:operation name="List"><soap:operation soapAction="list"/><wsdl:input>
 <soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
 </wsdl:operation></wsdl:binding>
 <wsdl:service name="S"><wsdl:port name="P" binding="t:B"><soap:address location="http://127.0.0.1/"/></wsdl:port>
 </wsdl:service></wsdl:definitions>"""
HEAD = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="%b"><e:Body><t:items>'
    % NAMESPACE.encode()
)
ROW = (
    b"<t:item><t:id>%d</t:id><t:name>SomeName</t:name><t:active>true</t:active>"
    b"<t:price>1234.12</t:price></t:item>"
)
TAIL = b"</t:items></e:Body></e:Envelope>"
#: As the network gives them.
PIECE = 64 << 10
Decoder = Callable[[Iterator[bytes]], int]


def main() -> None:
    """Print `name value unit`, or measure one decoder where its name is given."""
    if len(sys.argv) > 3:
        _measure(sys.argv[3], int(sys.argv[1]), int(sys.argv[2]))
        return
    rows = sys.argv[1] if len(sys.argv) > 1 else "20000"
    megabytes = sys.argv[2] if len(sys.argv) > 2 else "500"
    for name in ("banyan", "records", "zeep", "iterparse", "expat"):
        runs = [_run(rows, megabytes, name) for _ in range(3)]
        rate = max(run[0] for run in runs)
        print(f"soap_decode_{name} {rate:,.0f} rows/s")
        print(f"soap_decode_{name}_growth {min(run[1] for run in runs):.1f} MiB")
    rate, growth = _run(rows, megabytes, "long")
    print(f"soap_decode_long_{megabytes}_mb {rate:,.0f} rows/s")
    print(f"soap_decode_long_{megabytes}_mb_growth {growth:.1f} MiB")


def _run(rows: str, megabytes: str, name: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, __file__, rows, megabytes, name], check=True, capture_output=True, text=True
    )
    rate, growth = done.stdout.split()
    return float(rate), float(growth)


def _measure(name: str, rows: int, megabytes: int) -> None:
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        wsdl = Path(folder) / "items.wsdl"
        wsdl.write_text(WSDL, encoding="utf-8")
        decoders: dict[str, Callable[[Path], Decoder]] = {
            "banyan": _banyan, "long": _banyan, "records": _records, "zeep": _zeep,
            "iterparse": lambda _: _iterparse, "expat": lambda _: _expat,
        }  # fmt: skip
        decode = decoders[name](wsdl)
        if name == "long":
            rows = (megabytes << 20) // len(ROW % 1_000_000)
            answer = _pieces(rows)
        else:
            answer = iter([HEAD + b"".join(ROW % n for n in range(rows)) + TAIL])
        decode(iter([HEAD + ROW % 1 * 2 + TAIL]))  # what is made once: compiled types, imported kernels
        whole = list(answer) if name != "long" else answer
        before = _resident()
        start = time.process_time()
        found = decode(iter(whole))
        seconds = time.process_time() - start
        if found != rows:
            raise SystemExit(f"{name}: {found} rows instead of {rows}")
        print(rows / seconds, (_peak() - before) / 1024)


def _resident() -> int:
    """Resident memory in KiB; the kernel's note of the peak starts here again."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS:")


def _peak() -> int:
    return _status("VmHWM:")


def _status(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(name)[2].split()[0])


def _contract(wsdl: Path) -> Any:
    from adapters.soap.contract import Contract

    return Contract.from_wsdl(wsdl, decimals={"price": "9,2"})


def _banyan(wsdl: Path) -> Decoder:
    contract = _contract(wsdl)
    shape = contract.shape("List", "item", ["id"], "bench", "item")

    def decode(answer: Iterator[bytes]) -> int:
        decoder = contract.row_decoder("List", "item", shape)
        count = sum(len(batch.rows) for piece in _cut(answer) for batch in decoder.feed(piece))
        decoder.rest()
        return count

    return decode


def _cut(answer: Iterator[bytes]) -> Iterator[bytes]:
    return (data[at : at + PIECE] for data in answer for at in range(0, len(data), PIECE))


def _pieces(rows: int) -> Iterator[bytes]:
    yield HEAD
    for start in range(0, rows, 500):
        yield b"".join(ROW % n for n in range(start, min(start + 500, rows)))
    yield TAIL


def _records(wsdl: Path) -> Decoder:
    contract = _contract(wsdl)

    def decode(answer: Iterator[bytes]) -> int:
        decoder = contract.list_decoder("List", "item")
        count = sum(1 for piece in _cut(answer) for _ in decoder.feed(piece))
        decoder.rest()
        return count

    return decode


def _zeep(wsdl: Path) -> Decoder:
    from zeep import Client

    client = Client(str(wsdl))
    binding = client.service._binding  # noqa: SLF001  (zeep has no other way to decode without a call)
    operation = binding._operations["List"]  # noqa: SLF001

    def decode(answer: Iterator[bytes]) -> int:
        class Answer:
            status_code, headers, content = 200, dict[str, str](), next(answer)

        return len(binding.process_reply(client, operation, Answer))

    return decode


def _iterparse(answer: Iterator[bytes]) -> int:
    from lxml import etree

    tag = f"{{{NAMESPACE}}}"
    columns: dict[str, tuple[str, Callable[[str], Any]]] = {
        f"{tag}id": ("id", int), f"{tag}name": ("name", str),
        f"{tag}active": ("active", lambda text: text == "true"), f"{tag}price": ("price", Decimal),
    }  # fmt: skip
    count = 0
    for _, node in etree.iterparse(io.BytesIO(next(answer)), tag=f"{tag}item"):
        row = {}
        for child in node:
            name, convert = columns[child.tag]
            row[name] = convert(child.text or "")
        count += len(row) == 4
        node.clear(keep_tail=True)
        while node.getprevious() is not None:
            del node.getparent()[0]
    return count


def _expat(answer: Iterator[bytes]) -> int:
    from xml.parsers import expat

    columns: dict[str, tuple[str, Callable[[str], Any]]] = {
        f"{NAMESPACE} id": ("id", int), f"{NAMESPACE} name": ("name", str),
        f"{NAMESPACE} active": ("active", lambda text: text == "true"),
        f"{NAMESPACE} price": ("price", Decimal),
    }  # fmt: skip
    item = f"{NAMESPACE} item"
    row: dict[str, Any] = {}
    texts: list[str] = []
    count = 0

    def start(tag: str, _: dict[str, str]) -> None:
        if tag == item:
            row.clear()
        texts.clear()

    def end(tag: str) -> None:
        nonlocal count
        if column := columns.get(tag):
            row[column[0]] = column[1]("".join(texts))
        elif tag == item:
            count += len(row) == 4

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = texts.append
    parser.Parse(next(answer), True)
    return count


if __name__ == "__main__":
    main()
