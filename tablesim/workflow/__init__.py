"""Joins the rooms below the report: a run from scans to clusters, verified clusters, tables over several pages."""

from tablesim.workflow.clustering import cluster as cluster
from tablesim.workflow.running import run as run
from tablesim.workflow.sample import sample_folder as sample_folder
