-- Products and what they cost over time.

INSERT INTO public.products (id, principal_id, sku, name, category, pack, case_weight_kg, shelf_life, list_price,
                             allergens, nutrition, description, created_at, updated_at, deleted_at)
SELECT pantry_seed.key('product', n),
       pantry_seed.key('organization', s.distributors + 1 + pantry_seed.pick(n, 101, s.principals)),
       upper(left(split_part(food, '|', 2), 3)) || '-' || lpad(n::text, 6, '0'),
       pantry_seed.product_name(n),
       split_part(food, '|', 2),
       split_part(food, '|', 3),
       split_part(food, '|', 4)::numeric,
       make_interval(months => pantry_seed.pick(n, 102, 24)::integer,
                     days => 3 + pantry_seed.pick(n, 103, 27)::integer),
       pantry_seed.list_price(n),
       CASE WHEN n % 2 = 0 THEN ARRAY[pantry_seed.choose(pantry_seed.allergens(), n, 104),
                                      pantry_seed.choose(pantry_seed.allergens(), n, 105)] ELSE '{}' END,
       jsonb_build_object('kcal', pantry_seed.pick(n, 106, 900), 'per', '100 g',
                          'fat', round(pantry_seed.pick(n, 107, 600)::numeric / 10, 1),
                          'protein', round(pantry_seed.pick(n, 108, 400)::numeric / 10, 1),
                          'salt', round(pantry_seed.pick(n, 109, 500)::numeric / 100, 2)),
       'Packed ' || split_part(food, '|', 3) || ', ' || split_part(food, '|', 4) || ' kg a case. '
           || format(pantry_seed.choose(pantry_seed.sentences(), n, 110), split_part(food, '|', 1), 'The chef',
                     'the buyer', 2 + pantry_seed.pick(n, 111, 27), 3 + pantry_seed.pick(n, 112, 6),
                     15 + pantry_seed.pick(n, 113, 120)),
       listed, listed + make_interval(hours => pantry_seed.pick(n, 116, 12000)::integer),
       CASE WHEN pantry_seed.pick(n, 117, 25) = 0 THEN listed + interval '12000 hours' END
FROM pantry_seed.sizes s, generate_series(1, s.products) n,
     LATERAL (SELECT pantry_seed.choose(pantry_seed.foods(), n, 403) AS food,
                     pantry_seed.moment(n, 114, 800) - interval '12000 hours' AS listed OFFSET 0) given;

-- A new price about every seven weeks, dearer with the years. The first ones are older than the oldest partition.
INSERT INTO public.price_history (product_id, effective_on, distributor_id, price, previous_price, currency, reason)
SELECT pantry_seed.key('product', n), date '2023-12-04' + 51 * k + pantry_seed.pick(n * 32 + k, 121, 51)::integer,
       pantry_seed.key('organization', 1 + pantry_seed.pick(n * 32 + k, 122, s.distributors)),
       round(price * (80 + k) / 100 + pantry_seed.pick(n * 32 + k, 123, 400)::numeric / 100, 2),
       CASE WHEN k > 0
            THEN round(price * (79 + k) / 100 + pantry_seed.pick(n * 32 + k - 1, 123, 400)::numeric / 100, 2) END,
       CASE WHEN n % 40 = 0 THEN 'CAD' ELSE 'USD' END,
       pantry_seed.choose('{market,freight,"new contract",promotion,tariff,NULL}', n * 32 + k, 124)
FROM pantry_seed.sizes s, generate_series(1, s.products) n,
     LATERAL (SELECT pantry_seed.list_price(n) AS price OFFSET 0) listed,
     generate_series(0, 19) k;
