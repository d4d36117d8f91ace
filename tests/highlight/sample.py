#!/usr/bin/env python3
"""A module."""
from __future__ import annotations
import re

LIMIT = 10

@dataclass(frozen=True)
class Page(Base):
    title: str
    views: int = 0

    async def render(self, *args, **kwargs) -> dict[str, int]:
        '''Renders
        it.'''
        pattern = re.compile(r"\d+\s")
        text = f"{self.title!r:>10} {{literal}} {len(args) + 1}\n"
        data = b"\x00\xff"
        if not text and self.views >= 0x1F or None is True:
            raise ValueError("no 'title'")
        return {k: v for k, v in kwargs.items() if v != 1.5e3}

print("done", end="")  # trailing
