"""Each timing word on histories that a person can follow."""

import pytest

from kspec.expressions import jsonpath
from kspec.expressions.durations import Duration
from kspec.language.reader import Reader
from kspec.marks import Mark, node_of
from kspec.matching.checks import Verdict
from kspec.matching.timing import Failed, Inconclusive, Passed, Timing, Transitions, check
from kspec.snapshots import Gap, Snapshot
from kspec.vocabulary import Vocabulary

YES = Verdict("holds", summary="phase is Running")
NO = Verdict("pending", summary="phase is Pending")
NEVER = Verdict("impossible", summary="the job failed")
POD = {"kind": "Pod", "metadata": {"name": "a", "uid": "1"}}


def snapshot(at, *objects):
    return Snapshot(objects, revision=int(at * 10), at=at)


def progress(timing, *moments, at=10.0, deadline=15.0):
    """`moments` are (time, verdict), gaps, or times to tick at."""
    state = timing.begin(at, deadline)
    for moment in moments:
        if isinstance(moment, Gap):
            state = state.gap(moment)
        elif isinstance(moment, tuple):
            state = state.observe(snapshot(moment[0], POD), moment[1])
        else:
            state = state.tick(moment)
    return state


def decision(timing, *moments, **times):
    return progress(timing, *moments, **times).decision


GAP = Gap(11.0, 12.0, "410 Gone")


class TestEventually:
    timing = Timing()

    def test_passes_with_the_state_that_is_there(self):
        assert decision(self.timing, (3.0, YES)) == Passed(snapshot(3.0, POD))

    def test_waits_for_a_revision(self):
        state = progress(self.timing, (3.0, NO))
        assert (state.decision, state.wake, state.needs_confirmation) == (None, 15.0, False)
        assert isinstance(state.observe(snapshot(12.0, POD), YES).decision, Passed)

    def test_fails_at_the_deadline_and_tells_the_last_state(self):
        state = progress(self.timing, (3.0, NO))
        assert state.tick(14.9).decision is None
        assert state.tick(15.0).decision == Failed(
            "it was not so within 5 s; last: phase is Pending"
        )

    def test_a_revision_after_the_deadline_is_too_late(self):
        assert isinstance(decision(self.timing, (3.0, NO), (15.1, YES)), Failed)

    def test_fails_at_once_when_it_cannot_come_true(self):
        found = decision(self.timing, (11.0, NEVER))
        assert found == Failed("it cannot come true: the job failed", snapshot(11.0, POD))

    def test_a_gap_makes_a_failure_inconclusive(self):
        found = decision(self.timing, (3.0, NO), GAP, (12.0, NO), 15.0)
        assert found == Inconclusive(
            "it was not so within 5 s; last: phase is Pending; but 1 s went unobserved (410 Gone)"
        )

    def test_a_gap_changes_nothing_about_a_pass(self):
        assert isinstance(decision(self.timing, (3.0, NO), GAP, (12.0, YES)), Passed)

    def test_a_gap_before_the_step_does_not_matter(self):
        assert isinstance(decision(self.timing, Gap(1, 2, "x"), (3.0, NO), 15.0), Failed)

    def test_gaps_may_be_allowed(self):
        assert isinstance(
            decision(Timing(allow_gaps=True), (3.0, NO), GAP, (12.0, NO), 15.0), Failed
        )

    def test_nothing_observed(self):
        assert "nothing was observed" in decision(self.timing, 15.0).reason

    def test_a_decision_stays(self):
        decided = progress(self.timing, (3.0, YES))
        assert decided.wake is None
        assert decided.observe(snapshot(12.0), NO) is decided
        assert decided.gap(GAP) is decided
        assert decided.tick(99.0) is decided


class TestNow:
    timing = Timing(now=True)

    def test_judges_once_and_only_when_confirmed(self):
        state = progress(self.timing, (3.0, YES))
        assert (state.decision, state.wake, state.needs_confirmation) == (None, 10.0, True)
        assert state.tick(10.0).decision == Passed(snapshot(3.0, POD))

    def test_what_the_confirmation_brings_counts(self):
        found = decision(self.timing, (3.0, YES), (10.1, NO), 10.2)
        assert found == Failed("it is not so; last: phase is Pending", snapshot(10.1, POD))

    def test_an_unknown_state_is_inconclusive(self):
        assert isinstance(decision(self.timing, (3.0, YES), GAP, 12.0), Inconclusive)

    def test_a_gap_before_the_present_state_does_not_matter(self):
        assert isinstance(decision(self.timing, (3.0, NO), GAP, (12.0, YES), 12.0), Passed)

    def test_nothing_observed(self):
        assert decision(self.timing, 10.0) == Failed("it is not so; nothing was observed")


class TestHold:
    timing = Timing(hold=Duration(2))

    def test_passes_when_confirmed_after_its_time(self):
        state = progress(self.timing, (3.0, YES))
        assert (state.wake, state.needs_confirmation) == (12.0, True)
        assert state.tick(11.9).decision is None
        assert state.tick(12.0).decision == Passed()

    def test_may_end_after_the_deadline(self):
        state = progress(self.timing, (3.0, NO), (14.5, YES))
        assert state.wake == 16.5
        assert state.tick(16.5).decision == Passed()

    def test_a_change_that_still_satisfies_is_no_break(self):
        assert decision(self.timing, (3.0, YES), (11.0, YES), 12.0) == Passed()

    def test_the_first_break_fails(self):
        found = decision(self.timing, (3.0, NO), (11.0, YES), (12.25, NO))
        assert found == Failed(
            "it held for 1.25 s of 2 s, then broke: phase is Pending", snapshot(12.25, POD)
        )

    def test_a_break_that_the_confirmation_brings_fails(self):
        found = decision(self.timing, (3.0, YES), (12.5, NO), 12.6)
        assert found.reason == (
            "it was broken when the stream was next confirmed current, 2.5 s after it began to "
            "hold: phase is Pending"
        )

    def test_must_become_true_in_time(self):
        assert isinstance(decision(self.timing, (3.0, NO), 15.0), Failed)
        assert isinstance(decision(self.timing, (3.0, NO), (15.5, YES)), Failed)

    def test_impossible(self):
        assert isinstance(decision(self.timing, (3.0, NEVER)), Failed)

    def test_a_gap_while_it_holds_is_inconclusive(self):
        found = decision(self.timing, (3.0, YES), GAP, (12.0, YES), 12.0)
        assert found == Inconclusive("nothing is against it, but 1 s went unobserved (410 Gone)")

    def test_a_break_after_a_gap_while_it_holds_fails(self):
        assert isinstance(decision(self.timing, (10.5, YES), GAP, (12.0, NO)), Failed)

    def test_it_may_have_held_in_a_gap_before(self):
        moments = ((3.0, NO), GAP, (12.0, YES), (13.5, NO))
        assert isinstance(decision(self.timing, *moments), Inconclusive)
        assert isinstance(decision(Timing(hold=Duration(3)), *moments), Failed)


class TestSettle:
    timing = Timing(settle=Duration(2))

    def test_starts_again_after_a_break(self):
        state = progress(self.timing, (3.0, YES), (11.0, NO), (12.0, YES))
        assert (state.wake, state.needs_confirmation) == (14.0, True)
        assert state.tick(14.0).decision == Passed()

    def test_must_settle_within_the_timeout(self):
        state = progress(self.timing, (3.0, YES), (11.0, NO), (13.5, YES))
        assert (state.wake, state.needs_confirmation) == (15.0, False)
        assert state.tick(15.0).decision == Failed(
            "it did not stay so for 2 s within 5 s (it broke 1 time); last: phase is Running"
        )

    def test_starts_again_after_a_gap(self):
        state = progress(self.timing, (3.0, YES), GAP, (12.0, YES))
        assert state.wake == 14.0
        assert state.tick(14.0).decision == Passed()
        assert isinstance(state.observe(snapshot(13.9), NO).tick(15.0).decision, Inconclusive)

    def test_impossible(self):
        assert isinstance(decision(self.timing, (3.0, NEVER)), Failed)


class TestEver:
    timing = Timing(ever=True)

    def test_reads_history(self):
        assert self.timing.reads_history
        assert decision(self.timing, (3.0, YES), (4.0, NO)) == Passed(snapshot(3.0, POD))

    def test_waits_for_it(self):
        assert isinstance(decision(self.timing, (3.0, NO), (14.0, YES)), Passed)

    def test_fails_at_the_deadline(self):
        found = decision(self.timing, (3.0, NO), 15.0)
        assert found == Failed("no revision was so; last: phase is Pending")

    def test_a_gap_of_long_ago_matters(self):
        assert isinstance(decision(self.timing, Gap(1, 2, "x"), (3.0, NO), 15.0), Inconclusive)


class TestNever:
    timing = Timing(never=True)

    def test_passes_when_confirmed_now(self):
        state = progress(self.timing, (3.0, NO))
        assert (state.wake, state.needs_confirmation) == (10.0, True)
        assert state.tick(10.0).decision == Passed()

    def test_watches_on_with_hold(self):
        state = progress(Timing(never=True, hold=Duration(3)), (3.0, NO))
        assert state.wake == 13.0
        found = state.observe(snapshot(11.5, POD), YES).decision
        assert found.reason == "it was so, 1.5 s after the step began: phase is Running"

    def test_fails_by_history(self):
        found = decision(self.timing, (3.0, YES), (4.0, NO))
        assert found.reason == "it was so, before: phase is Running"

    def test_is_vacuous_without_a_subject(self):
        state = self.timing.begin(10.0, 15.0).observe(snapshot(3.0), NO).tick(10.0)
        assert "there was never such an object" in state.decision.reason

    def test_means_that_a_bare_thing_never_existed(self):
        bare = Verdict("pending", bare=True)
        state = self.timing.begin(10.0, 15.0).observe(snapshot(3.0), bare).tick(10.0)
        assert state.decision == Passed()

    def test_a_gap_may_hide_it(self):
        assert isinstance(decision(self.timing, Gap(1, 2, "x"), (3.0, NO), 10.0), Inconclusive)
        assert isinstance(decision(self.timing, Gap(1, 2, "x"), (3.0, YES)), Failed)


def pod(phase, uid="1", **status):
    found = {} if phase is None else {"phase": phase}
    return {"metadata": {"uid": uid, "generation": 2}, "status": {**found, **status}}


class TestTransitions:
    def timing(self, *values, path=".status.phase", exact=False):
        return Timing(transitions=Transitions(jsonpath.compile(path), values, exact))

    def follow(self, timing, *phases):
        state = timing.begin(10.0, 15.0)
        for at, phase in enumerate(phases, start=1):
            if phase == "gap":
                state = state.gap(Gap(at - 1, at, "410 Gone"))
            else:
                item = pod(phase) if isinstance(phase, str) else phase
                objects = () if item is None else (item,)
                state = state.observe(snapshot(float(at), *objects), NO)
        return state

    def test_passes_with_the_last_value(self):
        timing = self.timing("Pending", "Succeeded")
        assert self.follow(timing, "Pending", "Running").decision is None
        found = self.follow(timing, "Pending", "Running", "Succeeded").decision
        assert isinstance(found, Passed)

    def test_order_matters(self):
        timing = self.timing("Running", "Pending")
        found = self.follow(timing, "Pending", "Running", "Running").tick(15.0).decision
        assert found == Failed(
            '.status.phase went through "Pending", "Running"; '
            'not in this order "Running", "Pending"'
        )

    def test_begins_anew_with_another_object(self):
        timing = self.timing("Pending", "Running")
        state = self.follow(timing, "Pending", None, pod("Running", uid="2"))
        assert state.decision is None
        assert state.values == (["Running"],)

    def test_an_object_that_goes_away_keeps_its_values(self):
        timing = self.timing("Pending", "Running")
        assert isinstance(self.follow(timing, "Pending", None, "Running").decision, Passed)

    def test_exact_wants_no_others(self):
        timing = self.timing("Pending", "Running", exact=True)
        assert isinstance(self.follow(timing, "Pending", "Pending", "Running").decision, Passed)
        assert self.follow(timing, "Unknown", "Pending", "Running").decision is None

    def test_a_gap_may_hide_values(self):
        timing = self.timing("Pending", "Running")
        assert isinstance(self.follow(timing, "Pending", "gap", "Running").decision, Passed)
        exact = self.timing("Pending", "Running", exact=True)
        state = self.follow(exact, "Pending", "gap", "Running")
        assert isinstance(state.tick(15.0).decision, Inconclusive)

    def test_the_first_values_of_an_object_may_hide_in_a_gap(self):
        exact = self.timing("Running", exact=True)
        assert self.follow(exact, None, "gap", "Running").decision is None
        renewed = self.follow(exact, "gap", pod("Pending", uid="0"), "Running")
        assert isinstance(renewed.decision, Passed)

    def test_values_that_are_absent_or_stale_do_not_count(self):
        timing = self.timing("Running", exact=True)
        stale = pod("Pending", observedGeneration=1)
        state = self.follow(timing, pod(None), stale, "Running")
        assert isinstance(state.decision, Passed)

    def test_lists_of_values(self):
        path = "{.status.conditions[*].type}"
        found = [pod("x", conditions=[{"type": name} for name in names]) for names in ("A", "AB")]
        assert isinstance(
            self.follow(self.timing("A", ["A", "B"], path=path), *found).decision, Passed
        )

    def test_a_single_list(self):
        timing = self.timing(["x"], path=".status.names")
        assert isinstance(self.follow(timing, pod("x", names=["x"])).decision, Passed)

    def test_too_late(self):
        state = self.timing("Running").begin(10.0, 15.0).observe(snapshot(15.5, pod("Running")), NO)
        assert (
            state.decision.reason
            == '.status.phase went through no value; not in this order "Running"'
        )


@pytest.mark.parametrize(
    ("timing", "name", "history", "negatives"),
    [
        (Timing(), "eventually", False, False),
        (Timing(now=True), "now", False, True),
        (Timing(hold=Duration(0)), "hold", False, True),
        (Timing(settle=Duration(1)), "settle", False, True),
        (Timing(ever=True), "ever", True, False),
        (Timing(never=True, hold=Duration(1)), "never", True, True),
    ],
)
def test_what_a_timing_is(timing, name, history, negatives):
    assert (timing.name, timing.reads_history, timing.fits_negatives) == (name, history, negatives)


class TestReading:
    def problems(self, **body):
        reader = Reader(Vocabulary())
        check(node_of(body, Mark("a.yaml", 1, 1)), reader)
        return [problem.message for problem in reader.problems]

    def test_reads_its_keys(self):
        body = node_of(
            {"transitions": {"jsonpath": ".a", "values": [1, [2]]}, "allowGaps": True},
            Mark("a", 1, 1),
        )
        timing = Reader(Vocabulary()).read(Timing, body)
        assert timing == Timing(
            transitions=Transitions(jsonpath.compile(".a"), (1, [2])), allow_gaps=True
        )
        assert (
            Reader(Vocabulary()).read(Timing, node_of({"hold": "2s"}, Mark("a", 1, 1))).hold == 2.0
        )

    def test_words_that_exclude_each_other(self):
        assert self.problems(now=True, hold="2s") == ["'now' and 'hold' exclude each other"]
        assert self.problems(never=True, hold="2s") == []
        assert self.problems(ever=False, hold="2s") == []

    def test_since_needs_history(self):
        assert self.problems(since="x") == [
            "since needs a word that reads history: ever, never or transitions"
        ]
        assert self.problems(since="x", ever=True) == []

    def test_transitions_stand_alone(self):
        assert self.problems(transitions={"values": []}, match={}) == [
            "transitions follows one path of one object, without 'match'",
            "transitions needs values to look for",
        ]
        assert self.problems(transitions={"values": ["a"]}) == []
