"""Values that a format may lose: SQL literals per type."""

from __future__ import annotations

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok, "really"', 'NULL', '');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nest AS (p pair, ps pair[], t text[]);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN price AS numeric(10,2);
CREATE DOMAIN deep_price AS price;
CREATE DOMAIN document AS json;
CREATE DOMAIN letters AS text[];
CREATE DOMAIN letter AS "char";
CREATE DOMAIN few AS text CHECK (length(VALUE) < 100);
CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);
"""

CONTROLS = "".join(f"\\{number:03o}" for number in range(1, 32))

VALUES: dict[str, tuple[str, ...]] = {
    "bool": ("true", "false"),
    "int2": ("-32768", "32767"),
    "int4": ("-2147483648", "0"),
    "int8": ("-9223372036854775808", "9223372036854775807", "9007199254740993"),
    "positive": ("7",),
    "oid": ("0", "4294967295"),
    "float4": ("'NaN'", "'-Infinity'", "'-0'", "1e-45", "3.4028235e38", "0.1", "16777217"),
    "float8": ("'NaN'", "'Infinity'", "'-0'", "5e-324", "1.7976931348623157e308", "0.1", "1e22", "0.30000000000000004"),
    "numeric": ("'NaN'", "'Infinity'", "'-Infinity'", "1.00", "1.0", "0", "0.000", "1e100", "-1e-100",
                "12345678901234567890.1234567890123456789"),
    "numeric(10,2)": ("12345678.90", "'NaN'", "-0.01"),
    "numeric(15,15)": ("0.123456789012345",),
    "numeric(16,2)": ("12345678901234.56",),
    "price": ("1.10",),
    "deep_price": ("1.10", "'NaN'"),
    "money": ("1234.56", "-0.01"),
    "text": ("''", "'NULL'", "'null'", r"'\N'", r"E'\\.'", r"E'a\n\\.\nb'", "' both '", "'\"'", "'\"\"'", "'a,b'", "','",
             f"E'{CONTROLS}'", r"E'\177\u0080\u0085\u200b\u2028\ufeff\U0001F600'", r"E'\r'", r"E'\n'", r"E'\r\n'", r"E'},\n{'",
             r"E'\\u0000'", "repeat('x', 70000)"),
    "varchar(5)": ("'abc'", "'a    '", "''"),
    "char(5)": ("'abc'", "''", "'  a'"),
    "bpchar": ("'abc  '",),
    "name": ("'a name'", "''"),
    '"char"': ("'a'", "''", "' '", r"'\'", "(-128)::int4::\"char\"", "(-1)::int4::\"char\"",
               "'\"'", "','", r"E'\n'", r"E'\x01'"),
    "letter": ("'a'", "(-37)::int4::\"char\""),
    "bytea": (r"'\x'", r"'\x00ff5c225c2e0a'", "decode(repeat('00ff', 3000), 'hex')"),
    "uuid": ("'00000000-0000-0000-0000-00000000000f'",),
    "date": ("'infinity'", "'-infinity'", "'4713-01-01 BC'", "'0001-01-01'", "'5874897-12-31'", "'2024-02-29'"),
    "timestamp": ("'infinity'", "'-infinity'", "'4714-11-24 00:00:00 BC'", "'294276-12-31 23:59:59.999999'",
                  "'0044-03-15 12:00:00.5 BC'", "'10000-01-01'"),
    "timestamptz": ("'infinity'", "'-infinity'", "'4714-11-24 00:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'",
                    "'2024-10-27 02:30:00+01'", "'10000-01-01 00:00:00+14'"),
    "timestamptz(2)": ("'2024-10-27 02:30:00.99+01'",),
    "time": ("'24:00'", "'00:00:00.000001'"),
    "timetz": ("'24:00+15:59'", "'00:00-15:59'"),
    "interval": ("'1 year -2 mons +3 days -04:05:06.789'", "'-178000000 years'", "'0'", "'-1 day +00:00:00.000001'"),
    "interval day to second(3)": ("'1 day 00:00:01.234'",),
    "bit(3)": ("B'101'",),
    "bit varying": ("B''", "B'1'"),
    "inet": ("'10.0.0.1/8'", "'::1'"),
    "cidr": ("'10.0.0.0/8'",),
    "macaddr8": ("'08:00:2b:01:02:03:04:05'",),
    "point": ("'(-0,NaN)'", "'(1e-300,Infinity)'"),
    "path": ("'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),
    "box": ("'((0,0),(1,1))'",),
    "pg_lsn": ("'16/B374D848'",),
    "xid": ("'4294967295'",),
    "xid8": ("'18446744073709551615'",),
    "tid": ("'(4294967295,65535)'",),
    "txid_snapshot": ("'10:20:10,14,15'",),
    "regclass": ("'pg_catalog.pg_class'", "0"),
    "regtype": ("'int4'", "'mood'"),
    "tsvector": (r"$$'a':1A 'b''c':2,3 '\\'$$", "''"),
    "tsquery": ("$$'a' & !'b':*A$$",),
    "xml": ("'<a b=\"1\">x</a>'", "'text only'", "''", "E'<a>\n</a>'"),
    "jsonpath": ("'$.\"a\"[*] ? (@ > 1)'",),
    "mood": ("'sad'", "'ok, \"really\"'", "'NULL'", "''"),
    "pair": ("'(1,\"a\"\"b,\\\\\")'", "'(,)'", "'(,\"\")'", "ROW(1, E'x\\n')"),
    "nest": ("ROW(ROW(1,'\"'), ARRAY[ROW(2,NULL)::pair, NULL, ROW(NULL,'{}')::pair], ARRAY['NULL', NULL, ''])",
             "ROW(NULL,NULL,NULL)"),
    "pair[]": ("ARRAY[ROW(1,E'\\\\'), NULL]::pair[]", "'{}'"),
    "int4[]": ("'{}'", "'{1,NULL,3}'", "'[0:1]={1,2}'", "'[-2:-2]={5}'", "'{{1,2},{3,NULL}}'", "'[1:1][0:1]={{1,2}}'"),
    "text[]": ("'{}'", "ARRAY['NULL', NULL, 'null', '', '{}', '\"', E'\\\\', E'\\n', ',']",
               "'[5:5]={x}'", "ARRAY[['a'],['b']]"),
    "char(3)[]": ("'{a,\"b \",NULL}'",),
    "varchar(3)[]": ("'{a,\"b \",NULL}'",),
    "bool[]": ("'{t,f,NULL}'",),
    "float8[]": ("'{NaN,-0,Infinity,0.1,NULL}'",),
    "float4[]": ("'{NaN,-0,0.1}'",),
    "numeric[]": ("'{1.00,NaN,NULL}'",),
    "date[]": ("'{infinity,\"0044-03-15 BC\"}'",),
    "timestamptz[]": ("'{infinity,\"0044-03-15 00:00:00+00 BC\"}'",),
    "mood[]": ("ARRAY['NULL','',NULL,'sad']::mood[]",),
    "uuid[]": ("'{00000000-0000-0000-0000-00000000000f}'",),
    "json[]": ("ARRAY['null', NULL, '\"x\"', E'[1,\\n2]']::json[]",),
    "jsonb[]": ("ARRAY['null', NULL, '\"x\"']::jsonb[]",),
    "positive[]": ("'{1,2}'",),
    "letters": ("'{a,NULL}'", "'[3:3]={a}'"),
    "few": ("'x'",),
    "int2vector": ("'1 2'", "''"),
    "oidvector": ("'1 2'",),
    "int4range": ("'[1,5)'", "'empty'", "'(,)'"),
    "numrange": ("'[1.0,1.00]'",),
    "span": ("'[-0,Infinity]'",),
    "spans": ("'{[1,2],[3,4)}'", "'{}'"),
    "int4multirange": ("'{[1,2),[5,6)}'",),
    "json": ("'null'", "'\"null\"'", "'\"\"'", "'1.00'", "'-0'", "'1E400'", "'true'", "'[]'", "'{\"a\":1,\"a\":2}'",
             "'{ \"a\" :  [ 1 ,2 ] }'", "E'{\\n\"a\":1}'", "E'{\\r\"a\":1}'", "' {}'", "'{} '", "E'\\t[1]\\t'", "E'[1,\\t2]'",
             r"""'"\u0000"'""", r"""'["\u0000"]'""", r"""'["\ud800"]'""", r"""'["\uDE00", 1]'""", r"""'["\ud83d\ude00"]'""",
             r"""'["\\u0000"]'""", r"""'["\u20ac"]'""", r"""'{"\u0001": "\\"}'""", "'[12345678901234567890.1234567890]'",
             "E'\"a\\\\nb\"'", "repeat('[', 200)::text || repeat(']', 200)"),
    "document": ("'null'", "'{ \"a\":1, \"a\":1}'", "E'[1,\\n2]'"),
    "jsonb": ("'null'", "'\"null\"'", "'\"\"'", "'1.00'", "'[]'", "'{\"a\":{\"b\":null}}'", r"""'"\u0001\"\\"'""",
              "'12345678901234567890.10'"),
}  # fmt: skip

EXTENSIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "hstore": {
        "hstore": ("'a=>1,b=>NULL'", '\'""=>"NULL"\'', "''"),
        "hstore[]": ("ARRAY['a=>NULL']::hstore[]",),
    },
    "citext": {"citext": ("'Foo'", "''"), "citext[]": ("'{Foo,NULL}'",)},
}
