"""Joins the rooms: ``run`` takes scans to a run folder, ``demo`` does it with the sample corpus."""

from tablesim.workflow.demo import demo as demo
from tablesim.workflow.demo import sample_folder as sample_folder
from tablesim.workflow.running import run as run
