"""A ledger never forgets, never lets more through than the budget, and survives being killed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grid_fed_rl.errors import BudgetError, PrivacyError
from grid_fed_rl.federated.chain import START
from grid_fed_rl.federated.ledger import Ledger, read_ledger
from grid_fed_rl.federated.privacy import GaussianSteps, epsilon_of, steps_within

STEPS = GaussianSteps(noise_multiplier=3.0, sampling_rate=0.25, n_steps=20)
EPSILON, DELTA = 3.0, 1e-5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site_1" / "ledger.jsonl"


def open_ledger(path: Path) -> Ledger:
    return Ledger(path, "site_1", EPSILON, DELTA)


def test_it_spends_what_the_accountant_says_over_all_runs(path: Path) -> None:
    with open_ledger(path) as ledger:
        assert ledger.epsilon_spent == 0.0
        assert ledger.reserve("a", 1, STEPS) == epsilon_of([STEPS], DELTA)
        other = GaussianSteps(5.0, 0.1, 10)
        assert ledger.reserve("b", 1, other) == epsilon_of([STEPS, other], DELTA)
        assert ledger.epsilon_spent == epsilon_of([STEPS, other], DELTA)
        assert ledger.summary.n_rounds == 2
        assert ledger.summary.n_steps == 30


def test_it_refuses_past_epsilon_by_name_and_number_and_writes_nothing(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.reserve("a", 1, STEPS)
        before = path.read_bytes()
        left = steps_within(EPSILON, DELTA, 3.0, 0.25, [STEPS])
        with pytest.raises(BudgetError) as refusal:
            ledger.reserve("a", 2, STEPS._replace(n_steps=left + 1))
        message = str(refusal.value)
        assert path.read_bytes() == before
        for part in ("site 'site_1'", f"{left + 1} steps", "budget of 3;", str(path)):
            assert part in message
        assert f"from {ledger.epsilon_spent:.4g} to 3.0" in message
        assert f"{left} such steps still fit" in message
        ledger.reserve("a", 2, STEPS._replace(n_steps=left))  # exactly what fits is let through
        assert ledger.epsilon_spent <= EPSILON
        with pytest.raises(BudgetError, match="0 such steps still fit"):
            ledger.reserve("a", 3, STEPS._replace(n_steps=1))


def test_no_noise_is_refused_by_any_budget(path: Path) -> None:
    with open_ledger(path) as ledger, pytest.raises(BudgetError, match="to inf"):
        ledger.reserve("a", 1, GaussianSteps(0.0, 0.25, 1))


def test_reserving_a_round_twice_costs_once(path: Path) -> None:
    with open_ledger(path) as ledger:
        first = ledger.reserve("a", 1, STEPS)
        before = path.read_bytes()
        assert ledger.reserve("a", 1, STEPS) == first
        assert path.read_bytes() == before
        with pytest.raises(PrivacyError, match=r"round 1 of run 'a' is reserved for .*n_steps=20"):
            ledger.reserve("a", 1, STEPS._replace(n_steps=21))


def test_a_round_is_answered_once(path: Path) -> None:
    with open_ledger(path) as ledger:
        with pytest.raises(PrivacyError, match="was not reserved"):
            ledger.release("a", 1, "ab")
        ledger.reserve("a", 1, STEPS)
        assert ledger.released("a", 1) is None
        ledger.release("a", 1, "ab")
        ledger.release("a", 1, "ab")  # the same answer may be sent again
        with pytest.raises(PrivacyError, match=r"answered already .* cost privacy again"):
            ledger.release("a", 1, "cd")
        assert ledger.released("a", 1) == "ab"


def test_what_is_written_is_read_again(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.reserve("a", 1, STEPS)
        ledger.release("a", 1, "ab")
        ledger.reserve("a", 2, STEPS)
        summary = ledger.summary
    assert read_ledger(path) == summary
    with open_ledger(path) as ledger:
        assert ledger.summary == summary
        assert ledger.released("a", 1) == "ab"
        assert ledger.released("a", 2) is None


@pytest.mark.parametrize(
    ("site", "epsilon", "delta"),
    [("site_2", 3.0, 1e-5), ("site_1", 4.0, 1e-5), ("site_1", 3.0, 1e-4)],
)
def test_a_budget_is_fixed_once(path: Path, site: str, epsilon: float, delta: float) -> None:
    open_ledger(path).close()
    with pytest.raises(PrivacyError, match=r"opened for site 'site_1' with epsilon 3\.0"):
        Ledger(path, site, epsilon, delta)
    open_ledger(path).close()  # the failed attempt let go of the file


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-5), (float("inf"), 1e-5), (1.0, 0.0)])
def test_an_impossible_budget_is_refused(path: Path, epsilon: float, delta: float) -> None:
    with pytest.raises(PrivacyError, match=r"site 's': a budget of epsilon .* is not possible"):
        Ledger(path, "s", epsilon, delta)
    assert not path.exists()


def test_every_way_of_tearing_the_last_line_loses_that_line_and_no_other(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.reserve("a", 1, STEPS)
        whole = path.read_bytes()
        one_round = ledger.epsilon_spent
        ledger.reserve("a", 2, STEPS)
    torn = path.read_bytes()
    for length in range(len(whole), len(torn)):
        path.write_bytes(torn[:length])
        with open_ledger(path) as ledger:
            assert ledger.epsilon_spent == one_round
        assert path.read_bytes() == whole
    path.write_bytes(torn[:100])  # not even the first line is whole
    with pytest.raises(PrivacyError, match=r"line 1 is \{\}"):
        read_ledger(path)


def test_any_changed_byte_is_found_and_its_line_named(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.reserve("a", 1, STEPS)
        ledger.release("a", 1, "ab")
    good = path.read_bytes()
    line_starts = [0] + [i + 1 for i, byte in enumerate(good) if byte == ord("\n")]
    for position in range(0, len(good) - 1, 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        number = sum(start <= position for start in line_starts)
        with pytest.raises(PrivacyError, match=r"ledger\.jsonl, line [12345]: .*restore it"):
            open_ledger(path)
        if good[position] not in b"\n\x0b":
            with pytest.raises(PrivacyError, match=rf"line {number}: "):
                read_ledger(path)


@pytest.mark.parametrize("order", [[1, 2], [0, 2], [0, 2, 1], [0, 1, 1]])
def test_a_line_removed_moved_or_doubled_is_found(path: Path, order: list[int]) -> None:
    with open_ledger(path) as ledger:
        ledger.reserve("a", 1, STEPS)
        ledger.reserve("a", 2, STEPS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[i] for i in order))
    with pytest.raises(PrivacyError, match="changed by something other than the site"):
        open_ledger(path)


def test_a_cut_end_shows_in_the_head(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.reserve("a", 1, STEPS)
        head = ledger.summary.head
    lines = path.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[0])["previous"] == START
    path.write_bytes(lines[0])
    assert read_ledger(path).head != head
    assert read_ledger(path).head == json.loads(lines[1])["previous"]


def test_one_writer_at_a_time_in_this_process_and_others(path: Path) -> None:
    with open_ledger(path) as ledger:
        with pytest.raises(PrivacyError, match=r"ledger\.jsonl: held by another process"):
            open_ledger(path)
        assert read_ledger(path) == ledger.summary  # reading needs no lock
        script = (
            "from grid_fed_rl.federated.ledger import Ledger; "
            f"Ledger({str(path)!r}, 'site_1', 3, 1e-5)"
        )
        other = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert "held by another process" in other.stderr
    open_ledger(path).close()


def test_a_disk_that_takes_half_a_line_leaves_the_ledger_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(path) as ledger:
        before = path.read_bytes()
        write = os.write
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda file, line: write(file, line[: len(line) // 2]))
            with pytest.raises(PrivacyError, match="took part of a line"):
                ledger.reserve("a", 1, STEPS)
        assert path.read_bytes() == before
        assert ledger.epsilon_spent == 0.0

        def fail(file: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(PrivacyError, match="No space left on device"):
                ledger.reserve("a", 1, STEPS)
        assert path.read_bytes() == before
        ledger.reserve("a", 1, STEPS)
    assert read_ledger(path).n_rounds == 1


def test_a_ledger_that_is_not_there_or_not_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match=r"nowhere\.jsonl: cannot be read: No such file"):
        read_ledger(tmp_path / "nowhere.jsonl")
    (tmp_path / "other.jsonl").write_text('{"a":1}\n')
    with pytest.raises(PrivacyError, match=r"other\.jsonl, line 1"):
        read_ledger(tmp_path / "other.jsonl")


def test_a_site_killed_after_reserving_has_spent_it(path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import time
        from grid_fed_rl.federated.ledger import Ledger
        from grid_fed_rl.federated.privacy import GaussianSteps
        ledger = Ledger({str(path)!r}, "site_1", {EPSILON}, {DELTA})
        ledger.reserve("a", 1, GaussianSteps{tuple(STEPS)})
        print("reserved", flush=True)
        time.sleep(60)  # "training": the reply never comes
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as site:
        assert site.stdout is not None
        assert site.stdout.readline() == "reserved\n"
        site.send_signal(signal.SIGKILL)
    with open_ledger(path) as ledger:  # the lock died with the process
        assert ledger.epsilon_spent == epsilon_of([STEPS], DELTA)
        assert ledger.released("a", 1) is None
        ledger.reserve("a", 1, STEPS)  # the round may be trained again at no further cost
        assert ledger.epsilon_spent == epsilon_of([STEPS], DELTA)
