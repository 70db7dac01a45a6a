-- The words: people, places, food and talk. Nobody and nothing here exists; the domains end in .example and the
-- telephone numbers are those set aside for fiction. Fields inside an entry are parted by |.

CREATE FUNCTION pantry_seed.first_names() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Maria', 'James', 'Aisha', 'Luca', 'Sofia', 'Daniel', 'Mei', 'Carlos', 'Priya', 'Thomas', 'Elena', 'Marcus',
    'Naomi', 'Omar', 'Grace', 'Henrik', 'Ines', 'Jamal', 'Kateryna', 'Liam', 'Nadia', 'Oscar', 'Paula', 'Quentin',
    'Rosa', 'Samir', 'Tessa', 'Ulrich', 'Valentina', 'Walter', 'Ximena', 'Yusuf', 'Zoe', 'Andre', 'Bianca', 'Cedric',
    'Dolores', 'Emil', 'Fatima', 'Gustavo', 'Hannah', 'Ivan', 'Joanna', 'Kenji', 'Leila', 'Mateo', 'Nora', 'Otis',
    'Pilar', 'Rafael', 'Stella', 'Tomasz', 'Uma', 'Victor', 'Wendy', 'Xavier', 'Yara', 'Zachary', 'Beatriz', 'Curtis'
] $$;

CREATE FUNCTION pantry_seed.last_names() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Alvarez', 'Bennett', 'Castellano', 'Delacroix', 'Eriksson', 'Farrow', 'Gallagher', 'Haddad', 'Ivanova',
    'Jankowski', 'Kowalski', 'Lindqvist', 'Marchetti', 'Nakamura', 'Okafor', 'Petrov', 'Quintero', 'Romano',
    'Sandoval', 'Takahashi', 'Underwood', 'Vasquez', 'Whitfield', 'Xiong', 'Yamamoto', 'Zimmermann', 'Abernathy',
    'Bianchi', 'Calloway', 'Dimitriou', 'Espinoza', 'Fontaine', 'Grimaldi', 'Hargrove', 'Ibarra', 'Jefferson',
    'Kapoor', 'Larsen', 'Mendoza', 'Nguyen', 'O''Brien', 'Pereira', 'Rahman', 'Schneider', 'Tremblay', 'Urbina',
    'Velez', 'Washington', 'Yilmaz', 'Zapata', 'Ashworth', 'Brennan', 'Caruso', 'Doyle', 'Ellison', 'Ferrara',
    'Goldberg', 'Hutchins', 'Iyer', 'Kessler'
] $$;

-- city, state, first digits of the postal code, latitude, longitude
CREATE FUNCTION pantry_seed.cities() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Chicago|IL|606|41.88|-87.63', 'Milwaukee|WI|532|43.04|-87.91', 'Minneapolis|MN|554|44.98|-93.27',
    'St. Louis|MO|631|38.63|-90.20', 'Kansas City|MO|641|39.10|-94.58', 'Indianapolis|IN|462|39.77|-86.16',
    'Columbus|OH|432|39.96|-83.00', 'Cleveland|OH|441|41.50|-81.69', 'Detroit|MI|482|42.33|-83.05',
    'Grand Rapids|MI|495|42.96|-85.67', 'Nashville|TN|372|36.16|-86.78', 'Memphis|TN|381|35.15|-90.05',
    'Louisville|KY|402|38.25|-85.76', 'Atlanta|GA|303|33.75|-84.39', 'Savannah|GA|314|32.08|-81.09',
    'Charlotte|NC|282|35.23|-80.84', 'Raleigh|NC|276|35.78|-78.64', 'Richmond|VA|232|37.54|-77.44',
    'Boston|MA|021|42.36|-71.06', 'Providence|RI|029|41.82|-71.41', 'Hartford|CT|061|41.76|-72.67',
    'Albany|NY|122|42.65|-73.75', 'Philadelphia|PA|191|39.95|-75.17', 'Pittsburgh|PA|152|40.44|-80.00',
    'Baltimore|MD|212|39.29|-76.61', 'Miami|FL|331|25.76|-80.19', 'Tampa|FL|336|27.95|-82.46',
    'New Orleans|LA|701|29.95|-90.07', 'Houston|TX|770|29.76|-95.37', 'Austin|TX|787|30.27|-97.74',
    'San Antonio|TX|782|29.42|-98.49', 'Denver|CO|802|39.74|-104.99', 'Boulder|CO|803|40.01|-105.27',
    'Santa Fe|NM|875|35.69|-105.94', 'Phoenix|AZ|850|33.45|-112.07', 'Salt Lake City|UT|841|40.76|-111.89',
    'Portland|OR|972|45.52|-122.68', 'Seattle|WA|981|47.61|-122.33', 'Sacramento|CA|958|38.58|-121.49',
    'San Diego|CA|921|32.72|-117.16'
] $$;

CREATE FUNCTION pantry_seed.streets() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Main St', 'Lake St', 'Market St', 'Clark St', 'Division Ave', 'Canal St', 'Harbor Blvd', 'Mill Rd', 'Orchard Ln',
    'Railroad Ave', 'Wharf St', 'Foundry Way', 'Prairie Ave', 'Cedar St', 'Juniper Ct', 'Bridge St', 'Granary Row',
    'Old Post Rd', 'Union Sq', 'Garden Ter', 'Brewery Ln', 'Depot St', 'Chestnut St', 'Magnolia Ave'
] $$;

CREATE FUNCTION pantry_seed.territories() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Great Lakes', 'Midwest', 'Ohio Valley', 'Southeast', 'New England', 'Mid-Atlantic', 'Gulf Coast', 'Mountain',
    'Southwest', 'Pacific'
] $$;

CREATE FUNCTION pantry_seed.titles() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Executive Chef', 'Sous Chef', 'Purchasing Manager', 'General Manager', 'Owner', 'Food & Beverage Director',
    'Kitchen Manager', 'Pastry Chef', 'Category Manager', 'Buyer', 'Dietitian', 'Accounts Payable',
    'Warehouse Supervisor', 'Regional Sales Manager', 'Bar Manager'
] $$;

CREATE FUNCTION pantry_seed.cuisines() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'italian', 'mexican', 'japanese', 'american', 'french', 'levantine', 'korean', 'indian', 'southern', 'seafood',
    'vegetarian', 'thai'
] $$;

-- A restaurant is called by a first and a second word and what it is.
CREATE FUNCTION pantry_seed.house_first() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Copper', 'Blue', 'Golden', 'Wild', 'Salted', 'Rustic', 'Silver', 'Old', 'Red', 'Crooked', 'Hungry', 'Smoking',
    'Velvet', 'Painted', 'Lucky', 'Quiet', 'Sunday', 'Iron', 'Midnight', 'Little', 'Black', 'Green', 'Humble',
    'Northern', 'Coastal', 'Amber', 'Roasted', 'Gilded', 'Stone', 'Tipsy'
] $$;

CREATE FUNCTION pantry_seed.house_second() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Ladle', 'Heron', 'Lotus', 'Fig', 'Skillet', 'Lantern', 'Oyster', 'Barrel', 'Pepper', 'Rooster', 'Olive',
    'Anchor', 'Spoon', 'Radish', 'Maple', 'Trout', 'Cellar', 'Thyme', 'Clover', 'Pickle', 'Fork', 'Crane', 'Saffron',
    'Turnip', 'Harvest', 'Mussel', 'Hearth', 'Plum', 'Goat', 'Sparrow'
] $$;

CREATE FUNCTION pantry_seed.house_kinds() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Kitchen', 'Bistro', 'Tavern', 'Grill', 'Café', 'Noodle House', 'Trattoria', 'Taqueria', 'Smokehouse', 'Diner',
    'Brasserie', 'Bakery', 'Oyster Bar', 'Pizzeria', 'Steakhouse', 'Cantina', 'Public House', 'Supper Club',
    'Rotisserie', 'Tea Room'
] $$;

-- name around a last name, kind
CREATE FUNCTION pantry_seed.institutions() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    '%s Unified School District|school', '%s Memorial Hospital|hospital', 'Hotel %s|hotel',
    '%s Catering Collective|caterer', 'St. Brigid''s %s|hospital', 'The %s Grand|hotel', '%s Academy|school',
    '%s & Daughters Events|caterer'
] $$;

CREATE FUNCTION pantry_seed.regions() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Lakeshore', 'Great Plains', 'Tri-Rivers', 'Harborline', 'Summit', 'Heartland', 'Bluegrass', 'Gulf States',
    'Keystone', 'Cascade', 'Piedmont', 'Twin Cities', 'Three Sisters', 'Old Dominion', 'Sun Valley', 'Ironwood',
    'Prairie Gold', 'Bayou', 'Granite State', 'Redwood'
] $$;

CREATE FUNCTION pantry_seed.distributor_kinds() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Foodservice Distributors', 'Provisions', 'Produce & Dairy', 'Restaurant Supply', 'Broadline Foods',
    'Seafood & Meats', 'Specialty Foods', 'Cash & Carry'
] $$;

CREATE FUNCTION pantry_seed.brands() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Hollow Creek', 'Bella Campagna', 'Fjordhaven', 'Casa Lupita', 'Oakmill', 'Sunridge', 'Tidewater', 'Petite Ferme',
    'Granary Lane', 'Kobayashi Mill', 'Anadolu Garden', 'Red Barn', 'Stonewell', 'La Huerta', 'Maple & Rye',
    'Northwind', 'Priya''s Pantry', 'Gold Ladle', 'Blackfin', 'Verdant'
] $$;

CREATE FUNCTION pantry_seed.brand_kinds() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Foods', 'Farms', 'Creamery', 'Fisheries', 'Milling Co.', 'Brands', 'Importers', 'Packing Co.'
] $$;

-- product, category, pack, kilograms of a case
CREATE FUNCTION pantry_seed.foods() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Diced Roma Tomatoes|Canned Vegetables|6/#10 can|18.4',
    'San Marzano Whole Peeled Tomatoes|Canned Vegetables|6/2.5 kg|15.9',
    'Fire Roasted Red Peppers|Canned Vegetables|12/28 oz|10.6',
    'Marinated Artichoke Quarters|Canned Vegetables|6/3 kg|19.2',
    'Kalamata Olives, pitted|Canned Vegetables|2/5 kg pail|10.4',
    'Applewood Smoked Bacon, thick cut|Meat|2/15 lb|13.6', 'Beef Chuck Flat, choice|Meat|4/10 lb avg|18.1',
    'Ground Beef Patties 80/20|Meat|40/4 oz|4.5', 'Boneless Pork Shoulder|Meat|6/8 lb avg|21.8',
    'Chicken Thighs, boneless skinless|Poultry|4/10 lb|18.1', 'Airline Chicken Breast|Poultry|24/10 oz|6.8',
    'Whole Duck, dressed|Poultry|6/5 lb|13.6', 'Atlantic Salmon Fillet, skin on|Seafood|10/2 lb|9.1',
    'Gulf Shrimp 16/20, peeled|Seafood|10/2 lb|9.1', 'Day Boat Scallops U10|Seafood|1 gal|3.8',
    'Cod Loins, frozen|Seafood|10/3 lb|13.6', 'Basmati Rice, aged|Grains|25 lb bag|11.3',
    'Arborio Rice|Grains|10/1 kg|10.0', 'High Gluten Flour|Grains|50 lb bag|22.7',
    'Stone Ground Grits|Grains|12/2 lb|10.9', 'Rigatoni, bronze die|Pasta|20/500 g|10.0',
    'Fresh Ricotta Gnocchi|Pasta|4/5 lb|9.1', 'Udon Noodles, frozen|Pasta|40/250 g|10.0',
    'Extra Virgin Olive Oil|Oils & Vinegars|4/5 L|18.6', 'Fryer Oil, high oleic|Oils & Vinegars|35 lb jug|15.9',
    'Aged Balsamic Vinegar|Oils & Vinegars|6/1 L|6.8', 'Unsalted Butter Solids|Dairy|36/1 lb|16.3',
    'Whole Milk Mozzarella|Dairy|8/6 lb|21.8', 'Aged Gouda Wheel|Dairy|1/10 kg|10.0',
    'Heavy Cream 40%|Dairy|12/1 qt|11.9', 'Liquid Eggs, cage free|Dairy|15/2 lb|13.6',
    'Vanilla Bean Ice Cream|Frozen Desserts|3 gal tub|7.7', 'Lemon Sorbetto|Frozen Desserts|4/2.5 L|8.2',
    'Brioche Buns, sliced|Bakery|12/8 ct|7.3', 'Sourdough Boule, par-baked|Bakery|16/680 g|10.9',
    'Butter Croissant Dough|Bakery|180/85 g|15.3', 'Baby Arugula|Produce|4/3 lb|5.4',
    'Heirloom Tomatoes|Produce|10 lb flat|4.5', 'Hass Avocados 48 ct|Produce|48 ct|11.3',
    'Cremini Mushrooms|Produce|10 lb case|4.5', 'Russet Potatoes 70 ct|Produce|50 lb box|22.7',
    'Straight Cut Fries 3/8|Frozen Vegetables|6/5 lb|13.6', 'Shelled Edamame|Frozen Vegetables|20/1 lb|9.1',
    'Dark Chocolate Couverture 64%|Pastry|4/5 kg|20.0', 'Tahitian Vanilla Paste|Pastry|6/1 qt|6.1',
    'Cold Brew Concentrate|Beverages|4/1 gal|15.1', 'Sparkling Blood Orange Soda|Beverages|24/12 oz|9.4',
    'House Blend Espresso Beans|Beverages|6/5 lb|13.6', 'Smoked Paprika|Spices|6/16 oz|2.7',
    'Za''atar Blend|Spices|6/1 lb|2.7', 'Kimchi, napa|Prepared Foods|4/1 gal|15.1',
    'Hummus, classic|Prepared Foods|4/5 lb|9.1', 'Black Bean Burger|Prepared Foods|48/4.25 oz|5.8',
    'Veal Demi-Glace|Prepared Foods|4/2 kg|8.0', 'Compostable Clamshell 9x9|Disposables|200 ct|6.8',
    'Nitrile Gloves, medium|Disposables|10/100 ct|4.1'
] $$;

CREATE FUNCTION pantry_seed.qualities() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Reserve', 'Organic', 'Chef''s', 'Select', 'Traditional', 'Premium', 'Farmhouse', 'Signature', 'Everyday',
    'Classic', 'Heritage', 'Value'
] $$;

CREATE FUNCTION pantry_seed.allergens() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'milk', 'eggs', 'fish', 'shellfish', 'tree nuts', 'peanuts', 'wheat', 'soy', 'sesame'
] $$;

CREATE FUNCTION pantry_seed.competitors() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Sunbelt Harvest', 'Meridian Provisions', 'Old Mill', 'Pacific Larder', 'Farmgate Direct', 'Cordova Imports'
] $$;

CREATE FUNCTION pantry_seed.lost_reasons() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'price', 'went with the house brand', 'closed the location', 'no freezer space', 'menu changed', 'lost contact',
    'lead time'
] $$;

CREATE FUNCTION pantry_seed.incentives() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'blind cutting', 'free case', 'rebate', 'menu support', 'equipment loan', 'recipe card', 'training'
] $$;

CREATE FUNCTION pantry_seed.item_notes() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'substitute if out of stock', 'no substitution', 'ship frozen', 'split case', 'for the patio menu',
    'bill to the chain', 'rush', 'short dated is fine', 'on the second truck'
] $$;

CREATE FUNCTION pantry_seed.tag_names() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'key account', 'patio', 'gluten free', 'vegan menu', 'farm to table', 'late payer', 'seasonal', 'new opening',
    'food truck', 'franchise', 'bid', 'kosher', 'halal', 'catering', 'rebate programme', 'at risk', 'won back',
    'test kitchen', 'co-op member', 'sustainable seafood', 'brunch', 'late night', 'banquets', 'drive-through'
] $$;

-- Subjects and sentences take: 1 product, 2 and 3 first names, 4 a number, 5 a small one, 6 a price.
CREATE FUNCTION pantry_seed.subjects() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    'Sample drop: %1$s', 'Price review for %1$s', 'Menu planning with %2$s', 'Follow-up on quote for %1$s',
    'Delivery problem on the last truck', 'Tasting of %1$s', 'Introduction call with %2$s', 'Contract renewal',
    'New menu launches next month', 'Credit request: short shipment', 'Spec sheet and allergens for %1$s',
    'Quarterly business review', 'Cutting session with %2$s and the line cooks', 'Switching from a competing brand',
    'Standing order, changed quantities', 'Food show follow-up'
] $$;

CREATE FUNCTION pantry_seed.sentences() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ARRAY[
    '%2$s liked the samples of %1$s and will put it on the spring menu.',
    '%2$s asked for a better price on %1$s; the competing offer is $%6$s a case.',
    'Left %4$s cases of %1$s with the kitchen, to be tried over the weekend.',
    'The walk-in was down on Tuesday, so they need a credit for %4$s cases.',
    'They go through about %4$s cases of %1$s a week, more when the patio is open.',
    '%2$s is on holiday for %4$s days; call again after that.',
    'Yield was lower than on the spec sheet: %4$s percent trim loss against 8 promised.',
    'Driver left the pallet on the dock; two boxes of %1$s had thawed.',
    'Wants delivery before %5$s o''clock, the alley is blocked afterwards.',
    'The new sous chef, %3$s, used to buy from us at the last place.',
    'Payment is %4$s days late; accounts promised a cheque by Friday.',
    'Asked whether %1$s is free of sesame; sent the allergen statement.',
    'They compared %1$s with the house brand in a blind cutting, ours won %5$s to 3.',
    '%3$s decides about dairy and bakery from now on, %2$s keeps the protein.',
    'Minimum order of $%6$s is too high for the small location.', 'Food cost target is 29 percent, they are at %4$s.',
    'Sent the spec sheet, the nutrition panel and three recipes.',
    'They will remodel in January and close for %5$s weeks.',
    'Prefers e-mail; phone only between two and four in the afternoon.',
    'Committed to %4$s cases a month if we hold the price until June.',
    '%1$s was out of stock at the distributor twice this month.',
    'We agreed on a tasting for the whole group, %4$s people, in the test kitchen.',
    'Broker visit with %3$s: walked the cooler, saw a lot of the competitor''s boxes.',
    'Complained about leaking bags in the last shipment of %1$s.',
    'The banquet department needs %4$s0 portions on the 14th, everything gluten free.',
    'Quoted $%6$s a case delivered, net 21.', 'No decision yet, the owner wants to see the rebate first.',
    '%2$s moved to the downtown location; %3$s takes over here.',
    'They like the product, but freezer space is short until the holidays are over.',
    'Talked about the price increase in the new year; %2$s was not surprised.',
    'Chef wants smaller packs, the opened tubs spoil on day %5$s.',
    'Rebooked the demo, the fryer was being repaired.',
    'School menus are fixed until the end of the semester; the bid opens in %4$s days.',
    'Will send %4$s case photos for the claim; freight company notified.',
    'Reviewed the top twenty items: we are on %5$s of them.', 'Good meeting, bring the regional manager next time.'
] $$;

-- Names made of the words.

CREATE FUNCTION pantry_seed.person(n bigint, salt bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pantry_seed.choose(pantry_seed.first_names(), n, salt) || ' '
        || pantry_seed.choose(pantry_seed.last_names(), n, salt + 1)
$$;

CREATE FUNCTION pantry_seed.product_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pantry_seed.choose(pantry_seed.brands(), n, 401) || ' '
        || pantry_seed.choose(pantry_seed.qualities(), n, 402) || ' '
        || split_part(pantry_seed.choose(pantry_seed.foods(), n, 403), '|', 1)
$$;

CREATE FUNCTION pantry_seed.house_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pantry_seed.choose(pantry_seed.house_first(), n, 411) || ' '
        || pantry_seed.choose(pantry_seed.house_second(), n, 412) || ' '
        || pantry_seed.choose(pantry_seed.house_kinds(), n, 413)
$$;
