"""Transactions of the day, and the tables that explain them."""

from streams.projection import row_projection

daily_transaction = row_projection(
    name="daily_transaction",
    source="mainframe.daily_transaction",
    collection="daily_transactions",
    indexes=["dalytran_card_num"],
)
disclosure_group = row_projection(
    name="disclosure_group", source="mainframe.disclosure_group", collection="disclosure_groups"
)
category_balance = row_projection(
    name="category_balance",
    source="mainframe.category_balance",
    collection="category_balances",
    indexes=["trancat_acct_id"],
)
transaction_category = row_projection(
    name="transaction_category", source="mainframe.transaction_category", collection="transaction_categories"
)
transaction_type = row_projection(
    name="transaction_type", source="mainframe.transaction_type", collection="transaction_types"
)
