"""Answers to recommendations are kept until audio that was sent after them is durable."""

from balto.client.answers import Answers


def told(answers: Answers, sent: int) -> list[str]:
    found = []
    while (reply := answers.next(sent)) is not None:
        found.append(reply["id"])
    return found


def test_each_is_told_once_to_a_connection_and_again_to_the_next() -> None:
    answers = Answers()
    answers.add("a", "exibida")
    answers.add("b", "aceita")
    assert told(answers, 100) == ["a", "b"]
    assert told(answers, 100) == []
    answers.reconnected()
    assert told(answers, 0) == ["a", "b"]


def test_one_is_forgotten_once_bytes_that_were_sent_after_it_are_durable() -> None:
    answers = Answers()
    answers.add("a", "exibida")
    assert told(answers, 100) == ["a"]
    answers.durable(100)
    answers.add("b", "exibida")
    assert told(answers, 200) == ["b"]
    answers.durable(101)
    answers.reconnected()
    assert told(answers, 101) == ["b"]


def test_what_was_told_to_no_connection_is_not_forgotten() -> None:
    answers = Answers()
    answers.add("a", "exibida")
    answers.durable(10_000)
    assert told(answers, 10_000) == ["a"]


def test_a_resumed_session_tells_which_of_the_former_connections_answers_arrived() -> None:
    answers = Answers()
    answers.add("a", "exibida")
    answers.next(100)
    answers.add("b", "exibida")
    answers.next(300)
    answers.durable(200)  # where the server's recording ends, as `ready` says
    answers.reconnected()
    assert told(answers, 200) == ["b"]
    assert len(answers) == 1
