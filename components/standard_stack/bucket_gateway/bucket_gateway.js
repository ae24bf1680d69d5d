// What NGINX's own directives can't do for the bucket gateway. Runs in njs 0.7.9 and later.

const TOKEN = 'http://127.0.0.1:8083/';

// Headers by which a bucket tells about itself.
function strip(r) {
    for (const name in r.headersOut) {
        if (/^(x-amz-|x-goog-|x-guploader-|alt-svc$)/i.test(name)) {
            delete r.headersOut[name];
        }
    }
}

async function take_token(r) {
    const reply = await ngx.fetch(TOKEN);
    if (reply.status != 200) {
        throw new Error(`the metadata server answers ${reply.status}`);
    }
    const text = await reply.text();
    const answer = JSON.parse(text);
    r.variables.bucket_token = `Bearer ${answer.access_token}`;
}

// Asked by auth_request, so that the request to the bucket can carry a token.
async function authorize(r) {
    try {
        await take_token(r);
        r.return(204);
    } catch (e) {
        r.error(`no token: ${e.message}`);
        r.return(500);
    }
}

// For Prometheus: which sites can be read, by their index.html.
async function metrics(r) {
    if (r.variables.with_token) {
        try {
            await take_token(r);
        } catch (e) {
            r.error(`no token: ${e.message}`);
        }
    }
    const lines = [
        '# HELP bucket_gateway_site_up Whether the index.html of a site can be read from its bucket.',
        '# TYPE bucket_gateway_site_up gauge',
    ];
    const sites = r.variables.sites.split(' ');
    for (let i = 0; i < sites.length; i++) {
        const reply = await r.subrequest(`/probe/${sites[i]}`, {method: 'HEAD'});
        lines.push(`bucket_gateway_site_up{site="${sites[i]}"} ${reply.status == 200 ? 1 : 0}`);
    }
    r.headersOut['Content-Type'] = 'text/plain; version=0.0.4';
    r.return(200, `${lines.join('\n')}\n`);
}

export default {authorize, metrics, strip};
