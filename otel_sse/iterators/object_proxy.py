"""wrapt's proxy classes, alike in every release from 1.14 on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import wrapt

AnyProxy: Final[type[Any]] = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)
"""The class of which every proxy of wrapt is one, ours and others'."""

if TYPE_CHECKING:
    ObjectProxy: TypeAlias = wrapt.ObjectProxy[Any]
    BaseObjectProxy: TypeAlias = wrapt.BaseObjectProxy[Any]
else:
    # Before wrapt 2.2 a proxy's class takes no subscript. Before 2.0 every proxy has `__iter__`, whatever it wraps: an
    # async stream would pass for one that can be iterated both ways, and be iterated past its proxy.
    ObjectProxy = wrapt.ObjectProxy
    BaseObjectProxy = AnyProxy if hasattr(wrapt, "BaseObjectProxy") else type("Base", (AnyProxy,), {"__iter__": None})
