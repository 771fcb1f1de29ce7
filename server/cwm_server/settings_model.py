"""The section `cwm` of the editor's settings as it is written; read only once there is one to read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from cwm_server.configuration import Configuration

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    # Settings that only the extension reads, and those of other versions, are none of the server's business.
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class Tolerance(_Table):
    """How near floats must be."""

    atol: Number | None = None
    rtol: Number | None = None


class InlayHints(_Table):
    """The hints at the ends of lines."""

    enabled: bool = False


class Budget(_Table):
    """What one search may use."""

    calls: Count | None = None
    tokens: Count | None = None
    cost: Number | None = None
    seconds: Positive | None = None


class Synthesis(_Table):
    """The search."""

    proposer: Literal["local", "openai", "editor", "replay"] | None = None
    budget: Budget = Budget()


class EditorSettings(_Table):
    """The whole section."""

    run: Literal["onType", "onSave", "manual"] = "onType"
    tolerance: Tolerance = Tolerance()
    workers: Count | None = None
    wall_seconds: Positive | None = None
    interpreter: str | None = None
    run_below_full_isolation: bool = False
    inlay_hints: InlayHints = InlayHints()
    fade_unexercised: bool = False
    synthesis: Synthesis = Synthesis()

    def configuration(self) -> Configuration:
        """The same as the server uses it."""
        budget = self.synthesis.budget
        return Configuration(
            run=self.run,
            atol=self.tolerance.atol,
            rtol=self.tolerance.rtol,
            workers=self.workers,
            wall_seconds=self.wall_seconds,
            interpreter=self.interpreter or None,
            run_below_full_isolation=self.run_below_full_isolation,
            inlay_hints=self.inlay_hints.enabled,
            fade_unexercised=self.fade_unexercised,
            proposer=self.synthesis.proposer,
            budget_calls=budget.calls,
            budget_tokens=budget.tokens,
            budget_cost=budget.cost,
            budget_seconds=budget.seconds,
        )
