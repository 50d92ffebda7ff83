"""What every response that the gateway makes itself must look like (RFC 9457)."""

TYPE_BASE = "https://sluice.dev/errors#"


def assert_problem(response, status, code=None):
    """gives: the decoded problem"""
    assert response.status == status, (response.status, response.body)
    assert response.get("Content-Type") == "application/problem+json", response.fields
    problem = response.json()
    assert problem["status"] == status
    assert problem["code"] and problem["type"] == TYPE_BASE + problem["code"]
    assert problem["title"] and problem["detail"] and problem["instance"]
    if code is not None:
        assert problem["code"] == code, problem["code"]
    return problem
