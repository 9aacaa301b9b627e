"""Ask GnuCOBOL where items are and what their bytes are: compiles and runs one program for all cases.

Run: python tests/unit/adapters/batch/oracle/gnucobol.py    (writes gnucobol.json beside it; needs `cobc`)

Each case is one record: a byte, a table of two occurrences of a byte and the item, and a byte. The program
moves two values to the item and prints the record's length, the item's offsets and its bytes in hexadecimal.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: Compiler flags, and the dialect settings that they correspond to.
RUNS: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (
        ["-fbinary-size=2-4-8", "-fbinary-byteorder=native"],
        {"binary_sizes": "2-4-8", "sync_doubleword": 4, "little_endian": True},
    ),
    (["-fbinary-size=1--8", "-fno-binary-truncate"], {"binary_sizes": "1-8", "binary_full_range": True}),
    (["-fsign=EBCDIC"], {"overpunch": "translated"}),
    (["-std=mf"], {"binary_sizes": "1-8", "sync": False, "overpunch": "microfocus"}),
]


def cases() -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the clauses of an item and two values for it, empty where it cannot be moved to."""
    for usage in ("COMP", "BINARY", "COMP-4", "COMP-5", "COMP-X"):
        for digits in (1, 2, 3, 4, 5, 7, 9, 10, 12, 14, 16, 18):
            if usage in ("BINARY", "COMP-4") and digits not in (4, 9):
                continue
            most = "9" * digits
            for sync in ("", " SYNC") if usage in ("COMP", "COMP-5") else ("",):
                yield f"PIC 9({digits}) {usage}{sync}", (most, "1")
                if usage != "COMP-X":
                    yield f"PIC S9({digits}) {usage}{sync}", (f"-{most}", "7")
    yield "PIC S9(5)V99 COMP SYNC", ("-12345.67", "0.01")
    for size in (1, 2, 3, 4, 8):
        yield f"PIC X({size}) COMP-X", ("200", "1")
    for digits in (1, 2, 3, 4, 5, 7, 15, 16, 18, 31):
        most = "9" * digits
        yield f"PIC 9({digits}) COMP-3", (most, "1")
        yield f"PIC S9({digits}) COMP-3", (f"-{most}", "7")
        yield f"PIC 9({digits}) COMP-6", (most, "1")
    yield "PIC S9(3)V9(2) COMP-3 SYNC", ("-123.45", "0.01")
    for sign in ("", " SIGN TRAILING", " SIGN LEADING", " SIGN TRAILING SEPARATE", " SIGN LEADING SEPARATE"):
        yield f"PIC S9(4){sign}", ("-1230", "4567")
        yield f"PIC S9(3)V99{sign} SYNC", ("-123.45", "0.09")
        for digit in (0, 1, 5, 9):
            yield f"PIC S9(2){sign}", (f"-1{digit}", f"2{digit}")
    yield "PIC 9", ("7", "0")
    yield "PIC 9(18)", ("9" * 18, "1")
    yield "PIC 9(38)", ("9" * 38, "1")
    yield "PIC S9(3)PPP", ("-123000", "7000")
    yield "PIC SVPP9(3)", ("-.00123", ".00007")
    for sync in ("", " SYNC"):
        yield f"COMP-1{sync}", ("-118.625", "0.5")
        yield f"COMP-2{sync}", ("-118.625", "1000000.25")
        for usage, most in (("CHAR", 127), ("SHORT", 32767), ("LONG", 2**31 - 1), ("DOUBLE", 10**17)):
            yield f"BINARY-{usage}{sync}", (f"-{most}", "7")
            yield f"BINARY-{usage} UNSIGNED{sync}", (str(most), "7")
        for usage in ("INDEX", "POINTER", "PROCEDURE-POINTER"):
            yield f"{usage}{sync}", ()
    for picture in (
        "Z(5)9.99", "-(6)9", "-(5)9.9", "$$,$$9.99CR", "$(4)9.99DB", "+++9.9", "**,**9", "***.**", "ZZZ.ZZ",
        "9(3)/99", "ZB9.9DB", "99V99-", "ZZ9,99", "+99/99", "$ZZ,ZZ9.99-", "Z,ZZZ-", "$,$$$.$$", "99B99",
        "090909",
    ):  # fmt: skip
        for values in (("0", "1"), ("12.5", "-1234.56"), ("0.05", "999")):
            yield f"PIC {picture}", values
    yield "PIC Z(3)9 BLANK WHEN ZERO", ("0", "12")
    yield "PIC 9(3) BLANK WHEN ZERO", ("0", "12")
    yield "PIC X(5)", ('"AB"', '"ABCDE"')
    yield "PIC A(5) JUSTIFIED RIGHT", ('"AB"', '"ABCDE"')
    yield "PIC XXBXX/XX", ('"ABCDEF"', '"A"')


def ask(flags: Sequence[str], wanted: Sequence[tuple[str, Sequence[str]]]) -> list[dict[str, Any]]:
    """Return what the compiler makes of each case; one whose clauses it refuses is left out."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "oracle.cob"
        left = list(enumerate(wanted))
        while True:
            source.write_text(_program(left))
            # The compiler, found on the path, is what this oracle asks.
            made = subprocess.run(
                ["cobc", "-x", "-free", "-w", *flags, source.name], cwd=folder, capture_output=True, text=True
            )
            if not made.returncode:
                break
            refused = _refused(made.stderr, _program(left))
            if not refused:
                raise SystemExit(made.stderr)
            left = [case for case in left if case[0] not in refused]
        said = subprocess.run(
            [str(source.with_suffix(""))], cwd=folder, capture_output=True, text=True, check=True
        )
    out: list[dict[str, Any]] = []
    for line, (_, (clauses, values)) in zip(said.stdout.splitlines(), left, strict=True):
        _, length, first, second, raw = line.split("|")
        out.append({
            "clauses": clauses, "values": list(values), "length": int(length),
            "offsets": [int(first), int(second)], "record": raw.strip(),
        })  # fmt: skip
    return out


def compiler() -> str:
    """Return the compiler's name and version."""
    said = subprocess.run(["cobc", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0]


def _refused(stderr: str, program: str) -> set[int]:
    """Return the cases named in the compiler's errors, by the lines that they stand in."""
    lines = program.splitlines()
    found: set[int] = set()
    for part in stderr.splitlines():
        place = part.split(":")
        if len(place) > 2 and "error" in place[2] and place[1].isdigit():
            at = int(place[1]) - 1
            while at >= 0 and "*> case " not in lines[at]:
                at -= 1
            if at >= 0:
                found.add(int(lines[at].split("*> case ")[1]))
    return found


def _program(numbered: Sequence[tuple[int, tuple[str, Sequence[str]]]]) -> str:
    data, code = [], []
    for number, (clauses, values) in numbered:
        data.append(f"""01 R{number}. *> case {number}
  05 FILLER PIC X VALUE "<".
  05 FILLER OCCURS 2.
    10 FILLER PIC X VALUE "=".
    10 I{number} {clauses}.
  05 FILLER PIC X VALUE ">".""")
        code.append(f"  MOVE ALL X'EE' TO R{number} *> case {number}")
        for index, value in enumerate(values, 1):
            code.append(f"  MOVE {value} TO I{number} ({index})")
        code.append(f"""  SET P TO ADDRESS OF R{number} MOVE A TO A0
  SET P TO ADDRESS OF I{number} (1) COMPUTE A1 = A - A0
  SET P TO ADDRESS OF I{number} (2) COMPUTE A2 = A - A0
  MOVE LENGTH OF R{number} TO L MOVE R{number} TO B PERFORM SHOW""")
    return f"""IDENTIFICATION DIVISION.
PROGRAM-ID. ORACLE.
DATA DIVISION.
WORKING-STORAGE SECTION.
01 P POINTER.
01 A REDEFINES P BINARY-DOUBLE UNSIGNED.
01 A0 BINARY-DOUBLE UNSIGNED.
01 A1 PIC 9(5).
01 A2 PIC 9(5).
01 L PIC 9(5).
01 B PIC X(200).
01 H PIC X(400).
01 I PIC 9(5).
01 N PIC 9(5).
01 Q PIC 9(5).
01 M PIC 9(5).
01 HEX PIC X(16) VALUE "0123456789ABCDEF".
{chr(10).join(data)}
PROCEDURE DIVISION.
MAIN.
{chr(10).join(code)}
  STOP RUN.
SHOW.
  MOVE SPACES TO H
  PERFORM VARYING I FROM 1 BY 1 UNTIL I > L
    COMPUTE N = FUNCTION ORD (B (I:1)) - 1
    DIVIDE N BY 16 GIVING Q REMAINDER M
    MOVE HEX (Q + 1:1) TO H (2 * I - 1:1)
    MOVE HEX (M + 1:1) TO H (2 * I:1)
  END-PERFORM
  DISPLAY "|" L "|" A1 "|" A2 "|" H.
"""


def main() -> None:
    """Write the oracle's answers."""
    runs = [
        {"flags": flags, "options": options, "cases": ask(flags, list(cases()))} for flags, options in RUNS
    ]
    lines = [
        json.dumps({k: run[k] for k in ("flags", "options")})[:-1] + ', "cases": [\n'
        + ",\n".join(json.dumps(case) for case in run["cases"]) + "]}"
        for run in runs
    ]  # fmt: skip
    head = json.dumps({"compiler": compiler()})[:-1]
    (HERE / "gnucobol.json").write_text(f'{head}, "runs": [\n{",".join(lines)}\n]}}\n')
    print(f"{compiler()}: {sum(len(run['cases']) for run in runs)} answers")


if __name__ == "__main__":
    main()
