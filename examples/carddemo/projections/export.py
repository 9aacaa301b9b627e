"""The branch export: one row a record of each of its five types."""

from streams.projection import row_projection

export_customer = row_projection(
    name="export_customer", source="mainframe.export_customer", collection="export_customers"
)
export_account = row_projection(
    name="export_account", source="mainframe.export_account", collection="export_accounts"
)
export_transaction = row_projection(
    name="export_transaction",
    source="mainframe.export_transaction",
    collection="export_transactions",
    indexes=["exp_tran_card_num"],
)
export_card_xref = row_projection(
    name="export_card_xref",
    source="mainframe.export_card_xref",
    collection="export_card_xrefs",
    indexes=["exp_xref_cust_id"],
)
export_card = row_projection(
    name="export_card",
    source="mainframe.export_card",
    collection="export_cards",
    indexes=["exp_card_acct_id"],
)
