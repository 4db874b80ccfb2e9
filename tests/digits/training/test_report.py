"""What a training leaves for people: pictures of the right things, and a page with its measures."""

import json
import subprocess
import sys

import cv2
import numpy as np

from tablesim.digits.training.report import confusions, read_metrics, write_training_report


def record(held_out=True):
    confusion = (np.eye(10, dtype=int) * 50).tolist()
    confusion[1][7] = 12
    confusion[3][8] = 4
    bins = [{"count": 10, "confidence": 0.3, "right": 0.4}, {"count": 10, "confidence": 0.9, "right": 0.8}]
    practice = {"pages": 60, "digit_precision": 0.91, "digit_recall": 0.9, "f1_numbers": 0.8765}
    measures = {"digit_precision": 0.9, "digit_recall": 0.8, "f1_digits": 0.85, "numbers_right": 0.75}
    whole = {"pages": 28, "f1_numbers": 0.95, "f1_digits": 0.96, "pearson": 0.97, "neighbours": {"share": 0.98}}
    made = {
        "training": {"steps": 4, "batch": 2, "seed": 3, "start": ""},
        "validation": {**practice, "calibration_error": 0.01, "confusion": confusion, "bins": bins},
        "whole_pages": {**whole, "calibration_error_digits": 0.02, "calibration_error_numbers": 0.03, "bins": bins},
    }
    if held_out:
        made["held_out"] = {
            "books": ["1746", "1941"],
            "pages": 3,
            "before": {**measures, "numbers": 40, "confusion": confusion},
            "after": {**measures, "f1_digits": 0.95, "numbers": 40, "confusion": np.eye(10, dtype=int).tolist()},
        }
    return made


def metrics(path, steps):
    point = {"digits": 2.0, "marks": 1.0, "joins": 0.5, "edges": 0.1, "practice": {"f1_digits": 0.5, "f1_numbers": 0.4}}
    lines = [json.dumps({"step": step, **point, "held_out": None}) for step in steps]
    path.write_text("\n".join([*lines, '{"step": 6, "digi']) + "\n", encoding="utf-8")


def test_the_report_says_what_was_measured(tmp_path):
    metrics(tmp_path / "metrics.jsonl", [2, 4, 4])
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 0, "practice": {"f1_digits": 0.75, "f1_numbers": 0.6}, "held_out": null}\n')
    text = write_training_report(tmp_path, record()).read_text(encoding="utf-8")

    assert "| F1 of digits on the few pages of the learning curve, before and after | 0.7500, 0.5000 |" in text
    assert "3 points on the learning curve" in text
    assert "| F1 of whole numbers | 0.8765 |" in text
    assert "| F1 of digits | 0.8500 | 0.9500 |" in text
    assert "1 as 7 (12), 3 as 8 (4)" in text
    assert "1746, 1941" in text
    for name in ("learning_curve.png", "confusion.png", "calibration.png"):
        assert f"]({name})" in text
        picture = cv2.imread(str(tmp_path / name))
        assert picture.shape[0] > 300
        # Something is drawn: neither blank nor all of one colour.
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    before = (tmp_path / "confusion.png").read_bytes()
    write_training_report(tmp_path, record())
    assert (tmp_path / "confusion.png").read_bytes() == before


def test_a_training_without_annotations_or_metrics_has_a_report_too(tmp_path):
    text = write_training_report(tmp_path, record(held_out=False)).read_text(encoding="utf-8")
    assert "held out" not in text
    assert (tmp_path / "learning_curve.png").is_file()


def test_metrics_are_read_over_a_broken_line(tmp_path):
    metrics(tmp_path / "metrics.jsonl", [4, 2])
    assert [point["step"] for point in read_metrics(tmp_path / "metrics.jsonl")] == [2, 4]
    assert read_metrics(tmp_path / "none.jsonl") == []


def test_confusions_are_the_most_frequent_ones():
    matrix = np.zeros((10, 10), dtype=int)
    matrix[1, 7], matrix[0, 6], matrix[5, 5] = 3, 9, 100
    assert confusions(matrix.tolist()) == ["0 as 6 (9)", "1 as 7 (3)"]
    assert confusions(matrix.tolist(), most=1) == ["0 as 6 (9)"]


def test_pictures_are_drawn_only_when_a_training_ends():
    asked = "import tablesim.cli.train, sys; print([m for m in ('matplotlib', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"
