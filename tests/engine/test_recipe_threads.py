"""Small steps are taken by one thread, large ones by as many as the process allows."""

import threading

import pytest
import torch

from skdeep.engine.recipe import SMALL_STEP, threads_for

ROWS = 100
SMALL = int(SMALL_STEP / 6 / ROWS)


@pytest.fixture
def two_threads():
    """A process that may use two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    if torch.get_num_threads() != 2:
        pytest.skip("torch does not compute on two threads here")
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("n_parameters, expected", [(1, 1), (SMALL, 1), (SMALL + 1, 2)])
def test_threads_by_the_work_of_a_step(two_threads, n_parameters, expected):
    with threads_for(ROWS, n_parameters):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2


def test_the_number_comes_back_after_an_error(two_threads):
    with pytest.raises(KeyError), threads_for(1, 1):
        raise KeyError
    assert torch.get_num_threads() == 2


def test_other_threads_are_not_touched(two_threads):
    seen, inside, done = [], threading.Event(), threading.Event()

    def small_step():
        torch.set_num_threads(2)
        with threads_for(1, 1):
            inside.set()
            done.wait(30)

    worker = threading.Thread(target=small_step)
    worker.start()
    assert inside.wait(30)
    seen.append(torch.get_num_threads())
    done.set()
    worker.join()
    assert seen == [2]
