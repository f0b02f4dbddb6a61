import pytest

from captcha_core.errors import TrainingError
from captcha_core.training import TrainingPlan

PROBLEM = {"charset": "digits", "lengths": (1, 2), "size": (64, 32)}


def plan(**fields):
    return TrainingPlan.make(**({"problem": PROBLEM, "images": 1000} | fields))


def test_json_round_trip_keeps_the_digest():
    first = plan(settings={"channels": [8, 8, 8, 8]}, augmentation={})
    assert TrainingPlan.model_validate_json(first.model_dump_json()) == first
    assert TrainingPlan.model_validate_json(first.model_dump_json()).digest == first.digest
    assert first.digest != plan().digest


def test_settings_are_filled_in():
    assert plan().settings["channels"] == [32, 64, 96, 128]
    assert plan(architecture="vgg").settings == {"dropout": 0.25}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"images": None}, "budget"),
        ({"architecture": "x"}, "unknown network"),
        ({"settings": {"depth": 1}}, "setting 'depth'"),
        ({"problem": PROBLEM | {"charset": "AA"}}, "problem.charset"),
        ({"rate": 0}, "rate"),
        ({"speed": 1}, "speed"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(fields, message):
    with pytest.raises(TrainingError, match=message):
        plan(**fields)


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
def test_schedules_rise_to_the_peak_and_fall(schedule):
    made = plan(schedule=schedule, warm_up=0.25, rate=0.01)
    rates = [made.rate_at(share / 100) for share in range(101)]
    assert max(rates) == pytest.approx(0.01)
    assert rates[25] == pytest.approx(0.01)
    assert rates[0] < 0.001
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)
    assert rates[-1] < 1e-5 or schedule == "constant"


def test_no_warm_up_starts_at_the_peak():
    assert plan(warm_up=0, rate=0.01).rate_at(0) == pytest.approx(0.01)


def test_the_budget_that_is_spent_first_counts():
    both = plan(images=100, seconds=10)
    assert both.spent(50, 1) == 0.5
    assert both.spent(50, 8) == 0.8
    assert both.spent(500, 8) == 1
    assert plan(images=None, seconds=10).spent(10**9, 1) == 0.1


def test_the_average_is_shorter_at_first():
    made = plan(average=0.99)
    assert made.average_decay(0) == pytest.approx(0.1)
    assert made.average_decay(10**6) == 0.99


def test_fields_of_later_versions_change_a_digest_only_where_they_are_used():
    usual = plan()
    assert "resize_rule" not in usual.model_dump(mode="json")
    assert plan(resize_rule="pillow-bilinear", trained_on_resized=False).digest == usual.digest
    padded = plan(resize_rule="pillow-bilinear-padded", trained_on_resized=True)
    assert padded.digest != usual.digest
    assert TrainingPlan.model_validate_json(padded.model_dump_json()) == padded


def test_a_plan_keeps_the_digest_it_had_before_images_were_fitted():
    assert plan(architecture="vgg").digest == "0f6b2b747954c555"
