"""The engine: a dispatcher, a pool of workers, and the settling of what is in doubt."""

from bulkops.engine.deadline import Deadline
from bulkops.engine.limits import Allowance, RunLimits
from bulkops.engine.runner import ItemSource, Phase, Runner
from bulkops.engine.stop import StopSignal
from bulkops.engine.traffic import TrafficNotes

__all__ = ["Allowance", "Deadline", "ItemSource", "Phase", "RunLimits", "Runner", "StopSignal", "TrafficNotes"]
