import resource
import sys

import cv2
import numpy as np
import pytest
import torch

from tablesim.corpus.indexing.dask_cluster import read_with_dask
from tablesim.corpus.indexing.limits import threads_limited
from tablesim.corpus.indexing.pool import read_in_processes

MEGABYTE = 1 << 20


def faults_of_large_arrays():
    """Pieces of memory that the system cleared while arrays of 50 MB came and went ten times."""
    np.ones(50 * MEGABYTE, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(50 * MEGABYTE, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


class Faults:
    """A reader that reports what its process computes on instead of reading."""

    def __call__(self, path):
        return f"{faults_of_large_arrays()} {torch.get_num_threads()} {cv2.getNumThreads()}"


def make_faults():
    return Faults()


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of other systems is left as it is")
@pytest.mark.parametrize("read", [read_in_processes, read_with_dask])
def test_a_process_that_reads_keeps_its_memory_and_computes_alone(tmp_path, read):
    for _, told in read(make_faults, [("a" * 64, tmp_path / "a"), ("b" * 64, tmp_path / "b")], 1):
        faults, of_torch, of_cv2 = map(int, str(told).split())
        # Ten times 50 MB would be 128,000 pieces of 4 KB.
        assert faults < 20_000
        assert (of_torch, of_cv2) == (1, 1)


def test_threads_are_as_they_were_after():
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    try:
        with threads_limited():
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
