"""Claimants and awards as the payment mainframe knows them."""

from streams.projection import row_projection

claimant = row_projection(name="claimant", source="paymaster.claimant", collection="claimants")

award = row_projection(
    name="award",
    source="paymaster.award",
    collection="awards",
    rename={"AWARD_NINO": "nino", "AWARD_STATUS": "status", "LAST_PAYMENT": "last_payments"},
    indexes=["nino"],
)
