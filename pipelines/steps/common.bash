# What `preview` and `up` have in common. Sourced by them.

steps=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Tokens and the engine's own preview, which holds more than a log may show: nobody else can read them, and they go with the step.
private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT

# The engine and its plugins collect memory less often, for a seventh of the processor time less (docs/decisions/0009), and as often as ever
# from 1 GiB on, each.
export GOGC=${GOGC:-400} GOMEMLIMIT=${GOMEMLIMIT:-1GiB}

# log_in STACK: trades the job's identity tokens for what clouds and Vault take. On GitHub, actions have seen to the clouds.
#
#   AWS_ID_TOKEN, AWS_ROLE_ARN
#   GOOGLE_ID_TOKEN, GOOGLE_SERVICE_ACCOUNT, GOOGLE_WORKLOAD_IDENTITY_PROVIDER (projects/…/providers/…)
#   VAULT_ID_TOKEN (on GitHub it is asked for), VAULT_ADDR, VAULT_ROLE; VAULT_AUTH_PATH, jwt unless given
#
# What has no role, or no service account, is left out.
log_in() {
  if [[ -n ${AWS_ID_TOKEN:-} && -n ${AWS_ROLE_ARN:-} ]]; then
    printf '%s' "$AWS_ID_TOKEN" >"$private/aws-token"
    export AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE=$private/aws-token AWS_ROLE_SESSION_NAME=kuber-$1
  fi
  if [[ -n ${GOOGLE_ID_TOKEN:-} && -n ${GOOGLE_SERVICE_ACCOUNT:-} ]]; then
    : "${GOOGLE_WORKLOAD_IDENTITY_PROVIDER:?name the provider that knows the job: projects/…/providers/…}"
    printf '%s' "$GOOGLE_ID_TOKEN" >"$private/google-token"
    cat >"$private/google.json" <<END
{
  "type": "external_account",
  "audience": "//iam.googleapis.com/$GOOGLE_WORKLOAD_IDENTITY_PROVIDER",
  "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
  "token_url": "https://sts.googleapis.com/v1/token",
  "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/$GOOGLE_SERVICE_ACCOUNT:generateAccessToken",
  "credential_source": {"file": "$private/google-token", "format": {"type": "text"}}
}
END
    export GOOGLE_APPLICATION_CREDENTIALS=$private/google.json CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=$private/google.json
  fi
  if [[ -n ${VAULT_ROLE:-} ]]; then
    VAULT_TOKEN=$(.venv/bin/python "$steps/vault_token.py")
    export VAULT_TOKEN
  fi
  # The program that runs next needs none of these: with them it could ask for other roles.
  unset AWS_ID_TOKEN GOOGLE_ID_TOKEN VAULT_ID_TOKEN ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL
}

# preview STACK: the engine's preview as a review in the log, and what it comes to in build/deploy.
preview() {
  local status=0
  mkdir -p build/deploy
  rm -f "build/deploy/$1".*
  pulumi preview --stack "$1" --json --show-sames --non-interactive >"$private/preview.json" </dev/null || status=$?
  .venv/bin/kuber review - --markdown "build/deploy/$1.md" <"$private/preview.json" # says what the engine says of a failure
  if ((status != 0)); then
    echo "$1: the preview ended with $status" >&2
    return "$status"
  fi
  .venv/bin/python "$steps/intent.py" <"$private/preview.json" >"$private/intent"
  mv "$private/intent" "build/deploy/$1.intent"
  if [[ -s build/deploy/$1.intent ]]; then
    sha256sum <"build/deploy/$1.intent" | cut -d ' ' -f 1 >"build/deploy/$1.digest"
  else
    echo none >"build/deploy/$1.digest"
  fi
}
