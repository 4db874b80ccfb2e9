# Made from the table in __init__.py by tests/test_public_names.py
from tablesim.api import demo as demo
from tablesim.api import run as run
from tablesim.corpus.corrections.apply import correct as correct
from tablesim.corpus.evaluation.embeddings import compare_embeddings as compare_embeddings
from tablesim.corpus.evaluation.embeddings import histogram_embeddings as histogram_embeddings
from tablesim.corpus.evaluation.labels import evaluate as evaluate
from tablesim.corpus.from_histograms import corpus_of_histograms as corpus_of_histograms
from tablesim.corpus.history.history import HistorySettings as HistorySettings
from tablesim.corpus.history.history import history as history
from tablesim.corpus.map import make_map as make_map
from tablesim.corpus.store import Corpus as Corpus
from tablesim.digits.corrections import read_corrections as read_corrections
from tablesim.errors import TablesimError as TablesimError
from tablesim.evidence.collation.collation import collate as collate
from tablesim.evidence.collation.cutouts import Cutter as Cutter
from tablesim.evidence.collation.cutouts import cutouts as cutouts
from tablesim.evidence.comparison import Comparison as Comparison
from tablesim.evidence.comparison import compare as compare
from tablesim.evidence.genealogy.genealogy import genealogy as genealogy
from tablesim.evidence.matches.photograph_network import compare_pixels as compare_pixels
from tablesim.evidence.recomputation.examination import examine as examine
from tablesim.evidence.recomputation.examination import propose as propose
from tablesim.export.formats import export_run as export_run
from tablesim.reader import PageReader as PageReader
from tablesim.reader import load_network as load_network
from tablesim.records.collation import Collation as Collation
from tablesim.records.reading import Reading as Reading
from tablesim.report.writing import write_report as write_report
from tablesim.review.review import Review as Review
from tablesim.scans.sources import find_scans as find_scans
from tablesim.version import __version__ as __version__
from tablesim.workflow.baselines import compare_embeddings_on as compare_embeddings_on
from tablesim.workflow.clustering import cluster as cluster
from tablesim.workflow.clustering import recluster as recluster
from tablesim.workflow.verification import verified_search as verified_search

__all__: list[str]
