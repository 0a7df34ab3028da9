#include "base/csv.h"
#include "base/yaml.h"

enum heed_status csv_options_of(const struct yaml *y, int node, struct csv_options *out,
                                struct heed_error *err)
{
    int delimiter = yaml_get(y, node, "delimiter"), quote = yaml_get(y, node, "quote");
    int encoding = yaml_get(y, node, "encoding");
    struct str d = yaml_text(y, delimiter), q = yaml_text(y, quote), e = yaml_text(y, encoding);
    *out = (struct csv_options){0};
    if (delimiter) {
        if (str_is(d, "tab"))
            out->delimiter = '\t';
        else if (d.n == 1 && (unsigned char)d.p[0] < 0x80 && d.p[0] != '"' && d.p[0] != '\n' &&
                 d.p[0] != '\r')
            out->delimiter = d.p[0];
        else
            return yaml_error(y, delimiter, err, "one ASCII character or tab was expected");
    }
    if (quote) {
        if (str_is(q, "none"))
            out->quote = CSV_NO_QUOTE;
        else if (q.n == 1 && (q.p[0] == '"' || q.p[0] == '\''))
            out->quote = q.p[0];
        else
            return yaml_error(y, quote, err, "none, ' or \" was expected");
        if (out->quote == out->delimiter)
            return yaml_error(y, quote, err, "it is the same as the delimiter");
    }
    if (encoding) {
        if (str_is(e, "latin1"))
            out->latin1 = true;
        else if (!str_is(e, "utf-8"))
            return yaml_error(y, encoding, err, "utf-8 or latin1 was expected");
    }
    return HEED_OK;
}
