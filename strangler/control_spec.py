"""What an operation's TOML file says about its control: the gate of a step up, and what sends it down."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from strangler.canary import PLACES
from strangler.gate import Gate
from strangler.stage import Stage
from strangler.step_down import Limits

#: Who decides in the log where nobody does.
BY: Final = "controller"


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateSpec(_Spec):
    """What must hold before the operation goes up: to canary, to a larger share, to modern."""

    error_probability: float = Field(
        0.01, gt=0, lt=1, description="How probably a side that is too bad passes, however often one looks."
    )
    largest_difference_rate: float = Field(
        1 / 5000, gt=0, lt=1, description="Rate of differing keys that makes a side too bad."
    )
    inconclusive: float = Field(
        0.05, ge=0, le=1, description="Largest share of verdicts that gave no answer."
    )
    hold_seconds: float = Field(0.0, ge=0, description="Shortest time between two steps up.")
    steps: tuple[Annotated[float, Field(gt=0, lt=100)], ...] = Field(
        (), description="Percentages of the canary, rising; none may be passed over. Empty = any."
    )
    approvers: frozenset[str] = Field(
        frozenset(), description="Who may decide a step up (`--by`); empty = anybody."
    )

    errors: float = Field(
        0.001, ge=0, le=1, description="Largest share of verdicts that the modern side's failures prevented."
    )
    p99_ms: float = Field(
        0.0, ge=0, description="99 % of the compared modern answers may take no longer; 0 = however long."
    )
    automatic: bool = Field(
        False,
        description="Let `banyan controller` take each step of `steps`, then modern, once the gate is open. "
        "It decides as `controller`, which `approvers` has to name where it names anybody.",
    )

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        shares = [round(s * PLACES / 100) for s in steps]
        if shares != sorted(set(shares)) or any(not s for s in shares):
            raise ValueError("the steps must rise, each by a hundredth of a percent at least")
        return steps

    @model_validator(mode="after")
    def _automatic_steps(self) -> GateSpec:
        if self.automatic and not self.steps:
            raise ValueError("automatic = true needs steps: the shares to go by")
        if self.automatic and self.approvers and BY not in self.approvers:
            raise ValueError(f"automatic = true needs {BY!r} among the approvers")
        return self

    @property
    def gate(self) -> Gate:
        """The conditions as the controller judges them."""
        return Gate(
            alpha=self.error_probability,
            rate=self.largest_difference_rate,
            inconclusive=self.inconclusive,
            hold_seconds=self.hold_seconds,
            steps=tuple(round(s * PLACES / 100) for s in self.steps),
            approvers=self.approvers,
            errors=self.errors,
            p99_ms=self.p99_ms,
            automatic=self.automatic,
        )


class StepDownSpec(_Spec):
    """What takes an operation out of canary or modern by itself, within seconds: see `banyan controller`."""

    enabled: bool = Field(True, description="Whether the controller may step the operation down.")
    to: Literal["shadow", "legacy"] = Field(
        "shadow", description="Where to. In shadow legacy answers and both sides are still compared."
    )
    difference_rate: float = Field(
        1 / 5000,
        gt=0,
        lt=0.5,
        description="Rate of differing answers, among those compared, that is no breach.",
    )
    error_rate: float = Field(
        0.001, gt=0, lt=0.5, description="Rate of failed calls of the modern side that is no breach."
    )
    slow_ms: float = Field(
        0.0, ge=0, description="A call of the modern side that takes longer is slow; 0 = none is."
    )
    slow_rate: float = Field(
        0.01,
        gt=0,
        lt=0.5,
        description="Rate of slow calls that is no breach: 0.01 bounds the p99 by `slow_ms`.",
    )
    between_false_alarms: float = Field(
        1e9,
        ge=1000,
        description="While the rates stay within the tolerated ones, a step down by mistake comes after so "
        "many calls on average, or later.",
    )

    @property
    def limits(self) -> Limits:
        """The limits as the controller watches them."""
        return Limits(
            differences=self.difference_rate,
            errors=self.error_rate,
            slow=self.slow_rate if self.slow_ms else None,
            between_false_alarms=self.between_false_alarms,
            to=Stage(self.to),
        )
