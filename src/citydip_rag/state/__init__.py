"""What the service keeps besides its index: keys, feedback, and what else needs a table."""

from citydip_rag.state.addresses import check_address
from citydip_rag.state.database import State, is_there, metadata

__all__ = ["State", "check_address", "is_there", "metadata"]
