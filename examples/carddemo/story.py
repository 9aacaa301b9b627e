"""A mainframe card system's real files, record by record, at a REST API."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from adapters.batch.commands import decode_file
from adapters.lifecycle import history
from hub.demo import Demo
from schemas.names import api_name

#: Collections whose file holds one kind of record; the export file holds five.
SINGLE = {
    "accounts": "accounts",
    "card_xrefs": "card_xrefs",
    "cards": "cards",
    "category_balances": "category_balances",
    "customers": "customers",
    "daily_transactions": "daily_transactions",
    "disclosure_groups": "disclosure_groups",
    "transaction_categories": "transaction_categories",
    "transaction_types": "transaction_types",
}
EXPORTED = ("export_customers", "export_accounts", "export_transactions", "export_card_xrefs", "export_cards")
EXPORT_RECORD_BYTES = 500


async def tell(demo: Demo) -> None:
    """Wait for all ten files, then compare what the API serves with what the files say."""
    demo.chapter("Ten EBCDIC files are read where they lie")
    names = {spec.name for spec, _ in demo.estate.adapters}

    async def published() -> bool:
        events = await asyncio.to_thread(lambda: list(history(demo.links)))
        return names <= {e.adapter for e in events if e.state == "committed"}

    await demo.until("all files are published", published)
    for name in names:
        await demo.visible(await demo.ends(name))
    demo.say(f"{sum(p['events'] for p in await demo.status()):,} events, all visible at the API")

    demo.chapter("Is it true?")
    for spec, folder in demo.estate.adapters:
        path = Path(spec.folder) / spec.pattern
        if spec.name in SINGLE:
            await _check_file(demo, spec, folder, path)
        else:
            rows = [row for collection in EXPORTED for row in await demo.rows(collection)]
            demo.check(
                f"{path.name}: every record of five types is a row ({len(rows):,})",
                len(rows) == path.stat().st_size // EXPORT_RECORD_BYTES,
            )
    demo.chapter("One customer with everything that hangs on the cards")
    customer = (await demo.rows("customers"))[0]["cust_id"]
    status, document = await demo.get(f"/v1/customer_documents/{customer}")
    demo.check("the customer's document answers", status == 200, f"HTTP {status}")
    counts = {k: len(document[k]) for k in ("accounts", "cards", "transactions")}
    demo.say(f"/v1/customer_documents/{customer}: {counts}")


async def _check_file(demo: Demo, spec: Any, folder: Path, path: Path) -> None:
    """Compare a whole file, decoded record by record, with the rows of its collection."""
    copybook = (folder / spec.copybook).resolve()
    settings = {"code_page": spec.code_page}
    truth = await asyncio.to_thread(lambda: list(decode_file(path, copybook, settings)))
    keys = [api_name(k) for k in spec.key]
    found = {tuple(str(row[k]) for k in keys): _texts(row) for row in await demo.rows(SINGLE[spec.name])}
    wanted = {}
    for record in truth:
        row = {api_name(name): value for name, value in record.items()}
        wanted[tuple(str(row[k]) for k in keys)] = _texts(row)
    demo.check_rows(f"{path.name} at the API is what the file says", found, wanted)


def _texts(row: dict[str, Any]) -> dict[str, str]:
    """Compare as text: the API's JSON and the decoder's differ in no digit."""
    return {k: "" if v is None else str(v) for k, v in row.items() if not k.startswith("filler")}


if not os.environ.get("BANYAN_CORPORA"):
    from schemas.errors import SettingsError

    raise SettingsError(
        "this estate reads files that are not part of Banyan",
        where="BANYAN_CORPORA",
        fix="set it to the folder that holds carddemo/EBCDIC and carddemo/cpy",
    )
