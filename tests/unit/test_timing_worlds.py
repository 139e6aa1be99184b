"""The timing machines against a plain reference that looks at a whole history at once.

Time is whole seconds. A history says for each second what was so, with intervals that nobody
observed. The reference tries every world that fits what was observed: the machine may only give
an answer that is the same in all of them, and must give it where nothing is hidden.
"""

from dataclasses import replace
from itertools import groupby, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kspec.expressions import jsonpath
from kspec.expressions.durations import Duration
from kspec.matching.checks import Verdict
from kspec.matching.timing import Failed, Inconclusive, Passed, Timing, Transitions
from kspec.snapshots import Gap, Snapshot

LENGTH, AT = 14, 5
VERDICTS = {True: Verdict("holds"), False: Verdict("pending")}


def first(states, start, end):
    return next((t for t in range(start, min(end, LENGTH - 1) + 1) if states[t]), None)


def held(states, since, seconds):
    return all(states[since : since + seconds + 1])


def eventually(states, deadline, _):
    return first(states, AT, deadline) is not None


def now(states, _deadline, _):
    return states[AT]


def hold(states, deadline, seconds):
    since = first(states, AT, deadline)
    return since is not None and held(states, since, seconds)


def settle(states, deadline, seconds):
    return any(held(states, since, seconds) for since in range(AT, deadline - seconds + 1))


def ever(states, deadline, _):
    return first(states, 0, deadline) is not None


def never(states, _deadline, seconds):
    return first(states, 0, AT + seconds) is None


WORDS = {
    eventually: lambda _: Timing(),
    now: lambda _: Timing(now=True),
    hold: lambda seconds: Timing(hold=Duration(seconds)),
    settle: lambda seconds: Timing(settle=Duration(seconds)),
    ever: lambda _: Timing(ever=True),
    never: lambda seconds: Timing(never=True, hold=Duration(seconds)),
}


@st.composite
def histories(draw, values):
    """What was so in each second, and which seconds were not observed."""
    states = draw(st.lists(values, min_size=LENGTH, max_size=LENGTH))
    hidden = set()
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(AT, AT + 2) | st.integers(1, LENGTH - 3))
        hidden |= set(range(start, min(start + draw(st.integers(1, 3)), LENGTH - 1)))
    return states, frozenset(hidden)


def moments(states, hidden, start, seen, repeats):
    """The moments as a driver gets them: changes, repetitions and gaps, by when they are known."""
    previous = None
    found = []
    for t in range(start, LENGTH):
        if t in hidden:
            continue
        gap = t - 1 in hidden and t > start
        if gap:
            since = max(before for before in range(t) if before not in hidden)
            found.append(Gap(float(since), float(t), "410"))
        if states[t] != previous or gap or t in repeats or t == start:
            found.append((t, seen(states[t])))
        previous = states[t]
    return found


def drive(progress, found):
    """Observe and tick as the driver must."""
    for moment in found:
        begins = moment.since if isinstance(moment, Gap) else moment[0]
        while progress.decision is None and progress.wake < begins:
            progress = progress.tick(progress.wake)
        if isinstance(moment, Gap):
            progress = progress.gap(moment)
            if not progress.needs_confirmation and progress.wake and progress.wake < moment.until:
                progress = progress.tick(progress.wake)
        else:
            at, (snapshot, verdict) = moment
            progress = progress.observe(Snapshot(snapshot, at, float(at)), verdict)
    while progress.decision is None:
        progress = progress.tick(progress.wake)
    return progress.decision


def worlds(states, hidden, values):
    """All histories that look the same."""
    places = sorted(hidden)
    for guess in product(values, repeat=len(places)):
        yield [guess[places.index(t)] if t in hidden else states[t] for t in range(LENGTH)]


@pytest.mark.parametrize("word", WORDS)
@settings(max_examples=500, deadline=None)
@given(
    history=histories(st.booleans()),
    deadline=st.integers(AT, 9),
    seconds=st.integers(0, 4),
    repeats=st.sets(st.integers(0, LENGTH)),
)
def test_an_answer_is_the_same_in_all_worlds(word, history, deadline, seconds, repeats):
    states, hidden = history
    timing = WORDS[word](seconds)
    start = 0 if timing.reads_history else AT
    hidden -= set(range(start + 1))  # the first state is known
    pod = ({"metadata": {"uid": "1"}},)
    found = moments(states, hidden, start, lambda state: (pod, VERDICTS[state]), repeats)
    decision = drive(timing.begin(float(AT), float(deadline)), found)
    answers = {word(world, deadline, seconds) for world in worlds(states, hidden, (True, False))}
    if isinstance(decision, Inconclusive):
        assert hidden
    else:
        assert answers == {isinstance(decision, Passed)}
    lenient = replace(timing, allow_gaps=True).begin(float(AT), float(deadline))
    allowed = drive(lenient, found)
    assert isinstance(allowed, Passed | Failed)


def contains(values, wanted):
    following = iter(values)
    return all(any(value == one for value in following) for one in wanted)


def transits(states, deadline, wanted, exact):
    """Whether at some second the values of the latest uid were as wanted."""
    for end in range(deadline + 1):
        known = [state for state in states[: end + 1] if state is not None]
        latest = [value for uid, value in known if uid == known[-1][0]]
        values = [value for value, _ in groupby(latest)]
        if values == wanted if exact else contains(values, wanted):
            return True
    return False


@settings(max_examples=500, deadline=None)
@given(
    history=histories(st.sampled_from("AAB")),
    births=st.sets(st.integers(1, LENGTH - 1), max_size=2),
    absences=st.sets(st.integers(0, LENGTH - 1), max_size=4),
    wanted=st.lists(st.sampled_from("AB"), min_size=1, max_size=3),
    exact=st.booleans(),
    deadline=st.integers(AT, 9),
)
def test_transitions_in_all_worlds(history, births, absences, wanted, exact, deadline):
    letters, hidden = history
    states = [
        None if t in absences else (sum(end <= t for end in births | absences), letter)
        for t, letter in enumerate(letters)
    ]

    def seen(state):
        if state is None:
            return (), VERDICTS[False]
        uid, value = state
        return ({"metadata": {"uid": str(uid)}, "x": value},), VERDICTS[False]

    timing = Timing(transitions=Transitions(jsonpath.compile(".x"), tuple(wanted), exact))
    decision = drive(
        timing.begin(float(AT), float(deadline)), moments(states, hidden, 0, seen, set())
    )
    guesses = [None, *((uid, value) for uid in range(7) for value in "AB")]
    possible = (world for world in sampled(states, hidden, guesses) if plausible(world))
    for world in possible:
        answer = transits(world, deadline, wanted, exact)
        if isinstance(decision, Inconclusive):
            assert hidden
        else:
            assert answer == isinstance(decision, Passed), world


def sampled(states, hidden, guesses):
    """The history itself, and worlds where one or two hidden seconds were otherwise."""
    yield states
    for places in product(sorted(hidden), repeat=2):
        for values in product(guesses, repeat=2):
            world = list(states)
            for place, value in zip(places, values, strict=True):
                world[place] = value
            yield world


def plausible(world):
    """A uid never comes back, not even after nothing was there."""
    uids = [uid for uid, _ in groupby(state and state[0] for state in world) if uid is not None]
    return uids == sorted(set(uids))
