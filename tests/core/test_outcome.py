import pytest

from gateway.core.outcome import Billed, Blame, Reply, Verdict, of_reply, of_status

STATUSES = [
    (400, '{"error":{"message":"Invalid aspect ratio"}}', Verdict.REJECTED, Billed.NO),
    (400, "Image part is missing a thought_signature in content position 2.", Verdict.UNSIGNED, Billed.NO),
    (400, "Unable to submit request because Thought signature is not valid.", Verdict.UNSIGNED, Billed.NO),
    (400, "* GenerateContentRequest.contents[1].parts[0].thoughtSignature: bad base64", Verdict.UNSIGNED, Billed.NO),
    (400, '{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}', Verdict.CREDENTIAL, Billed.NO),
    (401, "无效的令牌", Verdict.CREDENTIAL, Billed.NO),
    (403, "user [1] quota [2] preConsumedQuota [3] is not enough", Verdict.CREDENTIAL, Billed.NO),
    (404, "models/x is not found", Verdict.REJECTED, Billed.NO),
    (404, "no available channel for model x under group Default", Verdict.BUSY, Billed.NO),
    (413, "", Verdict.REJECTED, Billed.NO),
    (429, "当前分组上游负载已饱和，请稍后再试", Verdict.BUSY, Billed.NO),
    (500, "boom", Verdict.FAILED, Billed.NO),
    (502, '{"error":{"message":"","param":"502"}}', Verdict.FAILED, Billed.NO),
    (503, "当前分组 Default 下对于模型 x 无可用渠道", Verdict.BUSY, Billed.NO),
    (504, "gateway timeout", Verdict.FAILED, Billed.MAYBE),
    (524, "<html>", Verdict.FAILED, Billed.MAYBE),
    (302, "", Verdict.FAILED, Billed.NO),
    (204, "", Verdict.FAILED, Billed.NO),
]


@pytest.mark.parametrize(("status", "body", "verdict", "billed"), STATUSES)
def test_a_status_and_its_body_have_one_meaning(status: int, body: str, verdict: Verdict, billed: Billed) -> None:
    outcome = of_status(status, body)
    assert (outcome.verdict, outcome.billed) == (verdict, billed)


def test_a_wrong_request_is_nobodys_failure_and_is_not_tried_elsewhere() -> None:
    outcome = of_status(400, "bad ratio")
    assert not outcome.retry
    assert outcome.blame is Blame.CALLER


REPLIES = [
    (Reply(usage=None, pictures=1, finish="STOP"), Verdict.PICTURE),
    (Reply(usage=None, pictures=0, finish="IMAGE_SAFETY"), Verdict.NO_PICTURE),
    (Reply(usage=None, pictures=0, block="PROHIBITED_CONTENT"), Verdict.NO_PICTURE),
    (Reply(usage=None, pictures=0, finish="NO_IMAGE"), Verdict.FRUITLESS),
    (Reply(usage=None, pictures=0, finish="MALFORMED_FUNCTION_CALL", words="print("), Verdict.FRUITLESS),
    (Reply(usage=None, pictures=0, finish="OTHER", block="OTHER"), Verdict.NO_PICTURE),
    (Reply(usage=None, pictures=1, finish="IMAGE_OTHER"), Verdict.PICTURE),
    (Reply(usage=None, pictures=0, words="I can only describe it."), Verdict.NO_PICTURE),
    (Reply(usage=None, pictures=0), Verdict.CUT),
    (Reply(usage=None, pictures=0, error="overloaded"), Verdict.CUT),
    (None, Verdict.CUT),
]


@pytest.mark.parametrize(("reply", "verdict"), REPLIES)
def test_an_answer_is_what_it_holds(reply: Reply | None, verdict: Verdict) -> None:
    outcome = of_reply(reply)
    assert outcome.verdict is verdict
    assert outcome.billed is Billed.YES
    assert not outcome.retry
