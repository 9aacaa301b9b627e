"""Avro by column: whole batches to Arrow and back, with fastavro as the reference."""

from schemas.codec.decoder import Decoded, Decoder
from schemas.codec.encoder import Encoder, Unencodable

__all__ = ["Decoded", "Decoder", "Encoder", "Unencodable"]
