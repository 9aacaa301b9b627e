"""The master files: one row a record."""

from streams.projection import row_projection

account = row_projection(
    name="account", source="mainframe.account", collection="accounts", indexes=["acct_group_id"]
)
card = row_projection(name="card", source="mainframe.card", collection="cards", indexes=["card_acct_id"])
card_xref = row_projection(
    name="card_xref",
    source="mainframe.card_xref",
    collection="card_xrefs",
    indexes=["xref_cust_id", "xref_acct_id"],
)
customer = row_projection(name="customer", source="mainframe.customer", collection="customers")
