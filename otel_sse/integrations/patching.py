"""How methods of libraries are patched for the whole process, and undone without trace; who holds which patches."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

import msgspec
import wrapt

from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.internal import logger

Patch = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


class Seam(msgspec.Struct, frozen=True):
    """One method that is patched.

    Args:
        name: The class.
        method: The method.
        patch: Called in its place, with the method itself, the object and the arguments.
    """

    name: str
    method: str
    patch: Patch


class Library(msgspec.Struct, frozen=True):
    """A library that is patched.

    Args:
        module: The module after whose import it can be patched.
        seams: Returns what is patched, and imports what patches it. Called where the module is there.
    """

    module: str
    seams: Callable[[], tuple[Seam, ...]]


class _Made(msgspec.Struct, frozen=True):
    owner: type
    method: str
    original: Any
    wrapper: Any


class _Turn:
    """One time that the libraries of a group are patched, from the first holder to the last."""

    def __init__(self) -> None:
        self.holders: tuple[weakref.ref[Recorder], ...] = ()
        self.made: list[_Made] = []

    @property
    def is_on(self) -> bool:
        """Whether an application is instrumented that wants these patches, and not shut down."""
        return any((recorder := holder()) is not None and not recorder.closed for holder in self.holders)

    def patch(self, seam: Seam, owner: type) -> None:
        original = vars(owner)[seam.method]
        if any(made.owner is owner and made.method == seam.method for made in self.made):
            # httpx2 can put itself in the place of httpx.
            return

        def run(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return seam.patch(wrapped, instance, args, kwargs) if self.is_on else wrapped(*args, **kwargs)

        wrapper = wrapt.FunctionWrapper(original, run)
        setattr(owner, seam.method, wrapper)
        self.made.append(_Made(owner, seam.method, original, wrapper))

    def undo(self) -> None:
        self.holders = ()
        for made in reversed(self.made):
            # Whoever has wrapped it since keeps ours underneath, where it does nothing any more.
            if vars(made.owner).get(made.method) is made.wrapper:
                setattr(made.owner, made.method, made.original)
        self.made.clear()


class PatchGroup:
    """Libraries that are patched together, while at least one recorder holds them.

    A library that is not imported yet is patched when it is; one that is not installed is left out.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._turn = _Turn()
        self._hooked = False

    def hold(self, recorder: Recorder, libraries: tuple[Library, ...]) -> None:
        """Patch the group's libraries, the same each time, where nobody has yet. Holding twice is holding once."""
        for library in libraries:
            if library.module in sys.modules:
                # Imports now what patches it: who imports under a lock may wait for a thread that imports as well.
                library.seams()
        with self._lock:
            holders = self._others(recorder)
            self._turn.holders = (*holders, weakref.ref(recorder))
            if not holders:
                self._install(libraries)

    def release(self, recorder: Recorder) -> None:
        """Undo the patches where nobody else holds them. Harmless where `recorder` does not."""
        with self._lock:
            holders = self._others(recorder)
            self._turn.holders = holders
            if not holders:
                self._turn.undo()
                self._turn = _Turn()

    def holder(self) -> Recorder | None:
        """Return the recorder that has held the patches last and is not shut down, or None."""
        recorders = [holder() for holder in reversed(self._turn.holders)]
        return next((each for each in recorders if each is not None and not each.closed), None)

    def _others(self, recorder: Recorder) -> tuple[weakref.ref[Recorder], ...]:
        return tuple(holder for holder in self._turn.holders if holder() not in (None, recorder))

    def _install(self, libraries: tuple[Library, ...]) -> None:
        for library in libraries:
            if not self._hooked:
                # Runs at once where the module is there. Hooks can't be taken back, so each is made but once.
                wrapt.register_post_import_hook(self._hook(library), library.module)
            elif library.module in sys.modules:
                self._patch(library.module, library.seams(), sys.modules[library.module])
        self._hooked = True

    def _hook(self, library: Library) -> Callable[[Any], None]:
        def imported(module: Any) -> None:
            if not self._turn.holders:
                return
            seams = library.seams()
            with self._lock:
                if self._turn.holders:
                    self._patch(library.module, seams, module)

        return imported

    def _patch(self, name: str, seams: tuple[Seam, ...], module: Any) -> None:
        for seam in seams:
            kind = getattr(module, seam.name, None)
            owner = next((base for base in getattr(kind, "__mro__", ()) if seam.method in vars(base)), None)
            if owner is None or owner is object:
                where = f"{name}.{seam.name}.{seam.method}"
                logger.warning("%s is not there in this release, so its stage is left out (docs/stages.md)", where)
            else:
                self._turn.patch(seam, owner)


GROUPS: Final = {"clients": PatchGroup(), "emit": PatchGroup(), "websockets": PatchGroup()}
"""Option → the patches that it asks for."""


def holder(option: str) -> Recorder | None:
    """Return the recorder that has held the patches of an option last and is not shut down, or None."""
    return GROUPS[option].holder()
