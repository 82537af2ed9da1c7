"""Stand-ins for two pytest plugins that huggingface_hub's tests use, for where those are not installed."""

from __future__ import annotations

import asyncio
import inspect
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Patch:
    """`mocker.patch`, `mocker.patch.object` and `mocker.patch.dict`: patches that end with the test."""

    def __init__(self, until_end: ExitStack) -> None:
        self._until_end = until_end

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._until_end.enter_context(mock.patch(*arguments, **options))

    def object(self, *arguments: Any, **options: Any) -> Any:
        return self._until_end.enter_context(mock.patch.object(*arguments, **options))

    def dict(self, *arguments: Any, **options: Any) -> Any:
        return self._until_end.enter_context(mock.patch.dict(*arguments, **options))


class MockerFixture:
    """The part of pytest-mock's fixture that those tests use."""

    Mock, MagicMock, AsyncMock, ANY, call = mock.Mock, mock.MagicMock, mock.AsyncMock, mock.ANY, mock.call

    def __init__(self, until_end: ExitStack) -> None:
        self.patch = _Patch(until_end)


class _Mocker:
    @pytest.fixture
    def mocker(self) -> Iterator[MockerFixture]:
        with ExitStack() as until_end:
            yield MockerFixture(until_end)


class _Coroutines:
    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True


def register(config: pytest.Config) -> None:
    """Put stand-ins where the plugins are missing."""
    if find_spec("pytest_mock") is None:
        module = ModuleType("pytest_mock")
        module.MockerFixture = MockerFixture  # type: ignore[attr-defined]
        sys.modules["pytest_mock"] = module
        config.pluginmanager.register(_Mocker(), "witness-mocker")
    if find_spec("pytest_asyncio") is None:
        config.pluginmanager.register(_Coroutines(), "witness-asyncio")
