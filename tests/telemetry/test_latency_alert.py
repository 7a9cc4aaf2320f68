"""One alert when the running time per user exceeds the target; the next only after it was within the target again."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from scoring.errors import ConfigurationError
from scoring.telemetry import Alert, AlertStatistics, OperationRecord, Operations, TargetAlert
from tests.support.clocks import Clock, HaltingCount
from tests.support.errors import raises_at


def observe(alert: TargetAlert, *milliseconds: float, users: int = 1) -> None:
    """Record operations with these milliseconds per user."""
    for each in milliseconds:
        alert.observe(OperationRecord("run", users, 0, users * each / 1000))


def make_alert(target: float, window: int) -> tuple[TargetAlert, list[Alert]]:
    alert, alerts = TargetAlert(target, window=window), list[Alert]()
    alert.on(alerts.append)
    return alert, alerts


def test_alert_follows_each_crossing_of_the_target(caplog: pytest.LogCaptureFixture) -> None:
    alert, alerts = make_alert(100, window=2)
    observe(alert, 100, 100)  # equal to the target is within it
    assert alerts == []
    observe(alert, 102, 150, 200)
    assert [round(each.ms_per_user) for each in alerts] == [101]
    observe(alert, 0)  # (200 + 0) / 2: within the target again
    assert alert.statistics().met is True
    observe(alert, 300, 300)
    assert [round(each.ms_per_user) for each in alerts] == [101, 150]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert {record.name for record in caplog.records} == {"scoring.alerts"}
    assert alert.statistics().alerts == 2


def test_alert_message_contains_the_figures(caplog: pytest.LogCaptureFixture) -> None:
    alert, alerts = make_alert(180, window=20)
    observe(alert, 125.0, users=4)
    observe(alert, 500.0, users=2)
    assert alerts == [Alert(ms_per_user=250.0, target_ms_per_user=180, operations=2, users=6)]
    assert caplog.messages == ["250.000 ms per user over the last 2 operations exceeds the target of 180."]
    assert vars(caplog.records[0])["ms_per_user"] == 250.0
    assert vars(caplog.records[0])["target_ms_per_user"] == 180


def test_mean_is_weighted_by_users() -> None:
    alert, alerts = make_alert(100, window=20)
    observe(alert, 1.0, users=1000)
    observe(alert, 1000.0, users=1)  # one cold start among many
    assert alerts == []
    assert alert.statistics() == AlertStatistics(2000 / 1001, 100, True, 0)


def test_only_the_latest_operations_count() -> None:
    alert, alerts = make_alert(100, window=3)
    observe(alert, 0, 0, 0, 0, 0, 120, 120)
    assert alerts == []
    observe(alert, 120)
    assert [each.ms_per_user for each in alerts] == [pytest.approx(120)]


def test_operations_without_users_do_not_count() -> None:
    alert, alerts = make_alert(100, window=1)
    alert.observe(OperationRecord("load", 0, 0, 60.0))
    assert alert.statistics() == AlertStatistics(None, 100, None, 0)
    observe(alert, 101)
    alert.observe(OperationRecord("load", 0, 0, 0.0))
    observe(alert, 101)
    assert len(alerts) == 1


def test_target_can_change() -> None:
    target = [100.0]
    alert, alerts = TargetAlert(lambda: target[0]), list[Alert]()
    alert.on(alerts.append)
    observe(alert, 50)
    target[0] = 40.0
    observe(alert, 50)
    assert alerts == [Alert(50.0, 40.0, 2, 2)]
    target[0] = 60.0
    assert alert.statistics() == AlertStatistics(50.0, 60.0, True, 1)
    assert json.loads(json.dumps(alert.statistics().as_dict()))["alerts"] == 1


def test_alert_listens_to_operations(clock: Clock) -> None:
    alert, alerts = make_alert(100, window=20)
    operations = Operations(clock, listeners=[alert.observe])
    with pytest.raises(ValueError), operations.measure("top_k", users=1):  # noqa: PT012 - time passes, then it fails
        clock.now += 60
        raise ValueError
    assert alert.statistics().ms_per_user is None
    with operations.measure("top_k", users=4):
        clock.now += 1
    assert alerts == [Alert(250.0, 100, 1, 4)]


def test_failing_callback_does_not_stop_the_operation(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    alert = TargetAlert(100)
    operations, alerts = Operations(clock, listeners=[alert.observe]), list[Alert]()

    @alert.on
    def broken(_: Alert) -> None:
        raise RuntimeError("the pager is out of paper")

    alert.on(alerts.append)
    with operations.measure("top_k", users=1):
        clock.now += 1
    assert len(alerts) == 1
    assert operations.statistics().total.count == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]
    assert "Traceback" in caplog.text
    assert "the pager is out of paper" in caplog.text


def test_callback_may_read_statistics_and_remove_itself() -> None:
    alert, alerts = TargetAlert(100, window=1), list[AlertStatistics]()

    def remove_itself(_: Alert) -> None:
        alerts.append(alert.statistics())
        alert.off(remove_itself)

    alert.on(remove_itself)
    observe(alert, 200, 0, 200)
    assert alerts == [AlertStatistics(200.0, 100, False, 1)]
    with raises_at(ConfigurationError, "callback"):
        alert.off(remove_itself)


def test_many_threads_cause_one_alert() -> None:
    alert, alerts = make_alert(100, window=20)
    together = threading.Barrier(16)

    def work() -> None:
        together.wait()
        observe(alert, *[200.0] * 25, users=HaltingCount(1))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alerts == [Alert(200.0, 100, 1, 1)]
    assert alert.statistics() == AlertStatistics(200.0, 100, False, 1)


@pytest.mark.parametrize("target", [0, -1, float("nan"), float("inf")])
def test_invalid_target_is_rejected(target: float) -> None:
    with raises_at(ConfigurationError, "target_ms_per_user"):
        TargetAlert(target)


def test_window_of_zero_is_rejected() -> None:
    with raises_at(ConfigurationError, "window"):
        TargetAlert(100, window=0)
