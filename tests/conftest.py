"""Rules for every test: nothing is skipped, and what needs root says so in one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("rs", deadline=None)
settings.load_profile("rs")

_NEEDS_ROOT = ("kernel", "browser", "vm")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Ends the run before it starts when a test needs root and we are not."""
    needy = [item for item in items if any(item.get_closest_marker(name) for name in _NEEDS_ROOT)]
    if needy and os.geteuid() != 0:
        raise pytest.UsageError(
            f"{needy[0].nodeid} and {len(needy) - 1} more make network namespaces or start the router: run them as root"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterable[None]:
    """A test that would be skipped has failed: what it should prove stays unproved."""
    report: pytest.TestReport = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; this project has no skipped tests: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterable[None]:
    """So has a file that would be skipped as a whole."""
    report: pytest.CollectReport = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped; this project has no skipped tests: {report.longrepr}"
    return report
