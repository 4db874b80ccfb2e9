"""Joins the rooms: ``run`` takes scans to a run folder, ``demo`` does it with the sample corpus,
``cluster`` clusters the pages of a run again.
"""

from tablesim.workflow.clustering import cluster as cluster
from tablesim.workflow.running import run as run
from tablesim.workflow.sample import demo as demo
from tablesim.workflow.sample import sample_folder as sample_folder
