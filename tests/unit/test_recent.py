"""What is remembered of the last few sentences."""

from concurrent.futures import ThreadPoolExecutor

from actors.recent import Recent


def test_the_last_sixty_four_are_known_and_one_that_is_told_again_stays_longer() -> None:
    recent = Recent[int]()
    for number in range(64):
        assert recent.keep(f"s{number}", number) == number
    recent.keep("s0", 100)
    recent.keep("new", 1)
    assert recent.get("s0") == 100
    assert recent.get("s1") is None
    assert recent.get("s2") == 2


def test_a_sermon_is_not_kept() -> None:
    recent = Recent[int]()
    assert recent.keep("a" * 100_000, 1) == 1
    assert recent.get("a" * 100_000) is None


def test_threads_may_tell_at_once() -> None:
    recent = Recent[int]()
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda n: recent.keep(f"s{n % 100}", n), range(4_000)))
    assert told == list(range(4_000))
    assert sum(recent.get(f"s{n}") is not None for n in range(100)) <= 64
