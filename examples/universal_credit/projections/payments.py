"""Claimants and awards as the payment mainframe knows them, without its record type."""

from streams.projection import row_projection

claimant = row_projection(
    name="claimant",
    source="paymaster.claimant",
    collection="claimants",
    select=["FULL_NAME", "BIRTH_DATE", "POSTCODE", "PAY_METHOD", "DEBT_BALANCE"],
)

award = row_projection(
    name="award",
    source="paymaster.award",
    collection="awards",
    select=["AWARD_NINO", "AWARD_STATUS", "START_DATE", "MONTHLY_AMOUNT", "ARREARS", "LAST_PAYMENT"],
    rename={"AWARD_NINO": "nino", "AWARD_STATUS": "status", "LAST_PAYMENT": "last_payments"},
    indexes=["nino"],
)
