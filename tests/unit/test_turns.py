"""A few at once, in the order in which they came."""

import threading

from tests.lab.netns import wait_until
from webui.turns import Turns


def test_who_waits_longest_goes_first() -> None:
    turns, order = Turns(1), []

    def take(number: int) -> None:
        with turns:
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(5)]
    with turns:
        for count, thread in enumerate(threads, 1):
            thread.start()
            wait_until(lambda count=count: len(turns._waiting) == count, f"{count} wait")
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_no_more_than_so_many_at_once() -> None:
    turns, inside, most, lock = Turns(3), [0], [0], threading.Lock()
    everybody = threading.Barrier(3)

    def take() -> None:
        with turns:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            everybody.wait(10)  # three do get in together
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=take) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [3]
    with turns, turns, turns:  # all places are free again
        pass


def test_a_place_is_free_again_after_an_error() -> None:
    turns = Turns(1)
    for _ in range(2):
        try:
            with turns:
                raise KeyError
        except KeyError:
            continue
    with turns:
        pass
