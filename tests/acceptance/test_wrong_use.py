"""Wrong input: one clear line that says what to do, exit code 2, and never a traceback."""

import json
import os
import zipfile
from pathlib import Path

import pytest
import redis
from PIL import Image

from captcha_core.networks.checkpoint import default
from tests.conftest import Capq, RedisServer


def _refused(capq: Capq, *arguments: object) -> str:
    result = capq(*arguments, code=2)
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line]
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    return errors[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("generate",), "Missing option '--shards'"),
        (("generate", "--shards", 0), "range"),
        (("generate", "--shards", 1, "--charset", "AAB"), "repeats"),
        (("generate", "--shards", 1, "--charset", "alnum-uper"), "alnum-upper"),
        (("generate", "--shards", 1, "--charset", "a-z"), "use one of digits, upper, lower"),
        (("generate", "--shards", 1, "--charset", "0-9A-F"), "the range 0-9 is not understood"),
        (("generate", "--shards", 1, "--charset", "AB验证"), "has no glyph for '验证'"),
        (("train", "--spec", "chinese.json"), "has no glyph for '验'"),
        (("train", "--spec", "ranges.json"), "the range A-Z is not understood"),
        (("preview", "images", "--length", 5), "is of images to be drawn: leave it out"),
        (("preview", "--out", "a.jpg"), "give a name that ends in .png"),
        (("evaluate", "images", "--overwrite"), "--overwrite is for --pictures"),
        (("inspect", "images", "--overwrite"), "--overwrite is for --page"),
        (("inspect", "images", "--page", "page.png"), "give a name that ends in .html"),
        (("solve-dir", "images", "--report", "report.json"), "give a name that ends in .html"),
        (("generate", "--shards", 1, "--out", ""), "an argument is empty: leave it out"),
        (("solve-dir", "images", "--report="), "--report has an empty value: leave it out"),
        (("export", "lepture-170x80", "--overwrite"), "--overwrite is for --out"),
        (("solve-dir", "list.txt", "--recursive"), "only folders are read recursively"),
        (("generate", "--shards", 1, "--length", "six"), "4-6"),
        (("generate", "--shards", 1, "--spec", "orign-2017"), "origin-2017"),
        (("generate", "--shards", 1, "--width", 3), "greater than or equal to 16"),
        (("generate", "--shards", 1, "--charset", "AB", "--distinct"), "need a charset of at least 4"),
        (("generate", "--shards", 1, "--out", "nope://x/y"), "Protocol not known"),
        (("solve-dir", "nowhere"), "no such folder: "),
        (("solve-dir", "empty"), "holds no images: look deeper with --recursive"),
        (("solve-dir", "images", "--pattern", "*.tiff"), "no file whose name matches '*.tiff': look deeper"),
        (("solve-dir", "images", "--min-confidence", "nan"), "'nan' is not a valid float range"),
        (("train", "images", "--rate", "nan"), "'nan' is not a valid float range"),
        (("solve-dir", "outer.zip"), "holds no images: if it holds archives, unpack it first"),
        (("solve-dir", "a.png"), "read single images with `capq solve`"),
        (("solve-dir", "images", "--out", "r.xlsx"), "end its name in .csv, .jsonl, .parquet"),
        (("solve-dir", "images", "--checkpoint", "nothing"), "lepture-170x80"),
        (("solve-dir", "images", "--out", "there.csv"), "give another --out"),
        (("solve", "a.png", "--checkpoint", "damaged"), "copy the checkpoint again"),
        (("solve", "a.png", "--checkpoint", "lepture-170x80", "--length", "5"), "texts of 4 characters"),
        (("solve", "a.png", "--length", "32"), "none of the networks reads"),
        (("solve", "a.png", "--length", "six"), "4-6"),
        (("solve", "a.png", "--beam", "0"), "1<=x<=256"),
        (("solve", "a.png", "--charset", "digts-1"), "and not '-'"),
        (("solve", "a.png", "--charset", "AA"), "repeats 'A'"),
        (("train",), "give a DATASET, or --spec NAME"),
        (("train", "nowhere"), "no such folder"),
        (("train", "empty"), "holds no images (.bmp, .gif, "),
        (("train", "images", "--max-time", "soon"), "15m"),
        (("train", "images", "--resume"), "nothing to resume"),
        (("train", "set", "--arch", "vgg", "--init", "general"), "general is a ctc network, and the run"),
        (("train", "images", "--init", "nothing"), "neither a folder with model.json nor a shipped name"),
        (("evaluate", "nowhere"), "no such folder"),
        (("status", "solve-123456"), "capq jobs"),
        (("cancel", "solve-123456"), "capq jobs"),
        (("retry", "solve-123456"), "capq jobs"),
        (("worker", "tpu"), "not one of 'cpu', 'gpu'"),
        (("nonsense",), "No such command"),
    ],
)
def test_wrong_use_is_one_line(capq: Capq, arguments: tuple[object, ...], words: str) -> None:
    (capq.folder / "empty").mkdir()
    (capq.folder / "images").mkdir()
    (capq.folder / "there.csv").write_text("precious")
    Image.new("RGB", (170, 80)).save(capq.folder / "a.png")
    Image.new("RGB", (170, 80)).save(capq.folder / "images" / "AB12.png")
    (capq.folder / "set").mkdir()
    for text in ("K9P3", "4Y6N", "3WD2"):
        Image.new("RGB", (170, 80)).save(capq.folder / "set" / f"{text}_1.png")
    with zipfile.ZipFile(capq.folder / "outer.zip", "w") as outer:
        outer.writestr("inner.zip", b"")
    (capq.folder / "list.txt").write_text("a.png\n")
    (capq.folder / "chinese.json").write_text('{"charset": "A验"}')
    (capq.folder / "ranges.json").write_text('{"charset": "A-Z"}')
    damaged = capq.folder / "damaged"
    damaged.mkdir()
    for file in default().iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    model = json.loads((damaged / "model.json").read_text())
    model["problem"]["charset"] = model["problem"]["charset"][::-1]
    (damaged / "model.json").write_text(json.dumps(model))
    assert not any(words in str(argument) for argument in arguments)  # any echo would do then
    assert words in _refused(capq, *arguments)
    assert (capq.folder / "there.csv").read_text() == "precious"


def test_an_unreachable_redis_is_named_without_its_password(capq: Capq) -> None:
    capq.env["CAPQ_REDIS_URL"] = "redis://:hunter2@127.0.0.1:1/0"
    for arguments in (("jobs",), ("generate", "--shards", 1), ("worker", "cpu")):
        line = _refused(capq, *arguments)
        assert "127.0.0.1:1" in line
        assert "CAPQ_REDIS_URL" in line
        assert "hunter2" not in line


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("maxmemory", 1_000_000, "it is out of memory"),
        ("replicaof", "127.0.0.1 1", "it is a replica, which cannot be written to: "),
    ],
)
def test_a_redis_that_refuses_is_one_line(
    capq: Capq, server: RedisServer, setting: str, value: object, words: str
) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.config_set(setting, value) if setting == "maxmemory" else client.replicaof("127.0.0.1", "1")
    capq.env["CAPQ_REDIS_URL"] = server.url
    line = _refused(capq, "generate", "--shards", 1, "--out", "refused")
    assert words in line
    assert "name a Redis with room that can be written to in CAPQ_REDIS_URL" in line
    assert server.url in line
    assert "HSET" not in line


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CAPQ_REDIS_URL", "http://x", "use redis://host:6379/0"),
        ("CAPQ_REDIS_URL", "redis://127.0.0.1:6379/capq", "Redis numbers its databases"),
        ("CAPQ_VISIBILITY_TIMEOUT", "soon", "a valid integer"),
        ("CAPQ_SLICE_SECONDS", "4000", "less than or equal to 3600"),
        ("CAPQ_LEASE_SECONDS", "0.1", "greater than or equal to 1"),
        ("CAPQ_METRICS_PORT", "99999", "less than or equal to 65535"),
        ("CAPQ_TRAINING_MEMORY", "much", "could not parse value"),
        ("CAPQ_FAULT_POINT", "after-lunch", "'after-write'"),
        ("CAPQ_KEY_PREFIX", "a:b", "match pattern"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_may_be(capq: Capq, name: str, value: str, words: str) -> None:
    capq.env[name] = value
    line = _refused(capq, "jobs")
    assert name in line
    assert words in line


def test_another_dataset_in_the_folder_is_left_alone(capq: Capq) -> None:
    job = capq("generate", "--shards", 1, "--out", "data", "--detach").stdout.strip()
    capq("cancel", job)
    before = (capq.folder / "data" / "dataset.json").read_bytes()
    assert "seed" in _refused(capq, "generate", "--shards", 1, "--seed", 5, "--out", "data")
    assert (capq.folder / "data" / "dataset.json").read_bytes() == before


def test_an_unreadable_file_among_a_few_is_told_beside_the_others(capq: Capq) -> None:
    (capq.folder / "text.png").write_text("hello")
    result = capq("solve", "text.png", "nowhere.png", "--json", code=1)
    readings = json.loads(result.stdout)
    assert [reading["path"] for reading in readings] == ["text.png", "nowhere.png"]
    assert "not a PNG" in readings[0]["error"]
    assert "No such file" in readings[1]["error"]


def test_a_folder_where_nothing_can_be_written_is_named(capq: Capq) -> None:
    (capq.folder / "file").write_text("")
    assert "cannot create" in _refused(capq, "generate", "--shards", 1, "--out", Path("file") / "data")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "koi8-r"])
def test_output_in_an_encoding_that_lacks_characters_is_spelt_out(capq: Capq, encoding: str) -> None:
    name = "✓.png"
    Image.new("RGB", (170, 80)).save(capq.folder / name)
    capq.env["PYTHONIOENCODING"] = encoding
    assert r"\u2713.png" in capq("solve", name, "--checkpoint", "lepture-170x80").stdout
    (answer,) = capq.json("solve", name, "--checkpoint", "lepture-170x80")
    assert answer["path"] == name


def test_a_name_that_is_no_utf8_is_spelt_out(capq: Capq) -> None:
    path = os.fsencode(capq.folder) + b"/\xff.png"
    Image.new("RGB", (170, 80)).save(capq.folder / "a.png")
    Path(os.fsdecode(path)).write_bytes((capq.folder / "a.png").read_bytes())
    capq.env["PYTHONUTF8"] = "1"
    arguments = ("solve", os.fsdecode(path), "--checkpoint", "lepture-170x80")
    assert r"\udcff.png" in capq(*arguments).stdout
    (answer,) = capq.json(*arguments)
    assert answer["path"].endswith("\udcff.png")


def test_every_command_explains_itself(capq: Capq) -> None:
    listing = capq("--help").stdout
    commands = [line.split()[0] for line in listing.partition("Commands:")[2].splitlines() if line.strip()]
    assert len(commands) >= 14
    for command in commands:
        assert "Usage: " in capq(command, "--help").stdout
