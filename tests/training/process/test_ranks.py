"""Who is first among the processes that a launcher starts."""

import pytest

from rnnswap.training.process.ranks import is_first, rank


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"RANK": "3", "LOCAL_RANK": "0"}, 3),  # torchrun, the first of another node
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, 1),  # Lightning's ddp
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, 0),
        ({"LOCAL_RANK": "0", "NODE_RANK": "2"}, 2),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, 1),  # srun
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, None),  # a job of one process
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "RANK": "2"}, 2),  # torchrun in a batch script
        # mpirun in a batch script: its daemon on each node is a process of the job
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "OMPI_COMM_WORLD_RANK": "0"}, 0),
        ({"PMI_RANK": "1"}, 1),
        ({"PMIX_RANK": "1"}, 1),
        ({"RANK": ""}, None),
        ({"RANK": "none", "PMI_RANK": "2"}, 2),
    ],
    ids=str,
)
def test_rank_is_read_from_what_launchers_set(environ, expected):
    assert rank(environ) == expected
    assert is_first(environ) == (not expected)
