"""Cases as the casework system knows them."""

from streams.projection import row_projection

case = row_projection(name="case", source="casework.case", collection="cases", indexes=["nino"])
