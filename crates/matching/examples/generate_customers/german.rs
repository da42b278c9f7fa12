//! German-speaking customers.

use crate::culture::Culture;

#[rustfmt::skip]
const WOMEN: &[&str] = &[
    "Maria", "Ursula", "Monika", "Petra", "Elisabeth", "Sabine", "Renate", "Helga", "Karin", "Brigitte", "Ingrid", "Erika", "Andrea", "Gisela", "Claudia",
    "Susanne", "Gabriele", "Christa", "Christine", "Hildegard", "Anna", "Birgit", "Barbara", "Gerda", "Martina", "Heike", "Angelika", "Ruth", "Stefanie",
    "Julia", "Katharina", "Sandra", "Nicole", "Melanie", "Anja", "Katrin", "Tanja", "Silke", "Kerstin", "Manuela", "Ute", "Bettina", "Cornelia", "Doris",
    "Eva", "Franziska", "Gudrun", "Hannah", "Heidi", "Ilse", "Inge", "Irmgard", "Jana", "Johanna", "Jutta", "Käthe", "Lara", "Laura", "Lea", "Lena", "Lieselotte",
    "Lina", "Luisa", "Margarete", "Marie", "Marlene", "Mia", "Nadine", "Nina", "Olga", "Paula", "Regina", "Rosemarie", "Sarah", "Simone", "Sofie", "Sonja",
    "Svenja", "Theresa", "Ulrike", "Vanessa", "Vera", "Waltraud", "Wiebke", "Ayşe", "Fatma", "Elif", "Zeynep", "Agnieszka", "Ewa", "Olena", "Jörgine", "Änne",
];

#[rustfmt::skip]
const MEN: &[&str] = &[
    "Peter", "Michael", "Thomas", "Andreas", "Wolfgang", "Klaus", "Jürgen", "Günter", "Stefan", "Christian", "Uwe", "Werner", "Horst", "Frank", "Dieter",
    "Manfred", "Gerhard", "Hans", "Bernd", "Torsten", "Mathias", "Helmut", "Walter", "Heinz", "Martin", "Jörg", "Rolf", "Sven", "Alexander", "Jens", "Karl",
    "Rainer", "Ralf", "Rudolf", "Markus", "Matthias", "Daniel", "Sebastian", "Florian", "Tobias", "Jan", "Philipp", "Lukas", "Maximilian", "Felix", "Jonas",
    "Paul", "Leon", "Finn", "Elias", "Noah", "Ben", "Moritz", "Friedrich", "Wilhelm", "Otto", "Ludwig", "Georg", "Josef", "Johannes", "Franz", "Heinrich",
    "Hermann", "Kurt", "Ernst", "Erich", "Fritz", "Götz", "Volker", "Detlef", "Hartmut", "Norbert", "Siegfried", "Ulrich", "Roland", "Holger", "Axel", "Björn",
    "Carsten", "Dirk", "Eckhard", "Gregor", "Hendrik", "Ingo", "Jochen", "Kai", "Lars", "Malte", "Nils", "Oliver", "René", "Sönke", "Till", "Mehmet", "Mustafa",
    "Ali", "Murat", "Hüseyin", "Piotr", "Andrzej", "Oleksandr",
];

#[rustfmt::skip]
const NICKNAMES: &[(&str, &str)] = &[
    ("Elisabeth", "Lisa"), ("Elisabeth", "Elli"), ("Gabriele", "Gabi"), ("Susanne", "Susi"), ("Katharina", "Kathi"), ("Katharina", "Käthe"), ("Angelika", "Geli"),
    ("Stefanie", "Steffi"), ("Margarete", "Grete"), ("Christine", "Christel"), ("Johanna", "Hanna"), ("Theresa", "Resi"), ("Ursula", "Uschi"), ("Brigitte", "Gitte"),
    ("Franziska", "Franzi"), ("Michael", "Michi"), ("Thomas", "Tom"), ("Andreas", "Andi"), ("Wolfgang", "Wolf"), ("Günter", "Günni"), ("Christian", "Chris"),
    ("Alexander", "Alex"), ("Alexander", "Sascha"), ("Maximilian", "Max"), ("Friedrich", "Fritz"), ("Wilhelm", "Willi"), ("Johannes", "Hannes"), ("Josef", "Sepp"),
    ("Sebastian", "Basti"), ("Tobias", "Tobi"), ("Philipp", "Phil"), ("Rudolf", "Rudi"), ("Manfred", "Manni"), ("Ulrich", "Uli"), ("Ulrike", "Uli"),
    ("Heinrich", "Heiner"), ("Matthias", "Matze"), ("Siegfried", "Siggi"), ("Hans", "Hansi"), ("Jürgen", "Jürg"),
];

#[rustfmt::skip]
const FAMILY: &[&str] = &[
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann", "Schäfer", "Koch", "Bauer", "Richter", "Klein",
    "Wolf", "Schröder", "Neumann", "Schwarz", "Zimmermann", "Braun", "Krüger", "Hofmann", "Hartmann", "Lange", "Schmitt", "Werner", "Schmitz", "Krause", "Meier",
    "Lehmann", "Schmid", "Schulze", "Maier", "Köhler", "Herrmann", "König", "Walter", "Mayer", "Huber", "Kaiser", "Fuchs", "Peters", "Lang", "Scholz", "Möller",
    "Weiß", "Jung", "Hahn", "Schubert", "Vogel", "Friedrich", "Keller", "Günther", "Frank", "Berger", "Winkler", "Roth", "Beck", "Lorenz", "Baumann", "Franke",
    "Albrecht", "Schuster", "Simon", "Ludwig", "Böhm", "Winter", "Kraus", "Martin", "Schumacher", "Krämer", "Vogt", "Stein", "Jäger", "Otto", "Sommer", "Groß",
    "Seidel", "Heinrich", "Brandt", "Haas", "Schreiber", "Graf", "Schulte", "Dietrich", "Ziegler", "Kuhn", "Kühn", "Pohl", "Engel", "Horn", "Busch", "Bergmann",
    "Thomas", "Voigt", "Sauer", "Arnold", "Wolff", "Pfeiffer", "Yilmaz", "Kaya", "Demir", "Öztürk", "Nowak", "Kowalski", "Petersen", "Hansen", "Jansen", "Kruse",
    "Lindner", "Reuter", "Ernst", "Hübner", "Kern", "Böttcher", "Dörr", "Fiedler", "Geiger", "Hauser", "Iding", "Jakobs", "Kirsch", "Löffler", "Moser", "Nagel",
    "Ott", "Paulus", "Quast", "Rieger", "Schlüter", "Theis", "Ulrich", "Vetter", "Wendt", "Zander",
];

#[rustfmt::skip]
const HEADS: &[&str] = &[
    "Alten", "Bach", "Berg", "Birken", "Blumen", "Brück", "Buchen", "Burg", "Dorn", "Eich", "Eisen", "Feld", "Felsen", "Grün", "Gold", "Haber", "Hagen", "Hohen",
    "Holz", "Kirch", "Korn", "Lauter", "Linden", "Löwen", "Mühl", "Neu", "Nieder", "Ober", "Rosen", "Roten", "Sand", "Schön", "Silber", "Stein", "Stern", "Tannen",
    "Unter", "Wald", "Weiden", "Wein", "Wester", "Wiesen", "Winter", "Wolken", "Zell",
];

#[rustfmt::skip]
const TAILS: &[&str] = &[
    "acker", "aner", "au", "bach", "bauer", "baum", "beck", "berg", "berger", "brink", "bruch", "bürger", "dorf", "eck", "egger", "felder", "hauer", "hausen",
    "heim", "hoff", "holz", "huber", "kamp", "mann", "maier", "müller", "rath", "reuter", "schmidt", "stein", "thal", "vogel", "wald",
];

#[rustfmt::skip]
const STREETS: &[&str] = &[
    "Haupt", "Schul", "Bahnhof", "Garten", "Dorf", "Berg", "Birken", "Linden", "Kirch", "Wald", "Ring", "Wiesen", "Feld", "Mühlen", "Rosen", "Goethe", "Schiller",
    "Mozart", "Beethoven", "Bach", "Eichen", "Buchen", "Tannen", "Ahorn", "Kastanien", "Friedhof", "Jahn", "Lessing", "Heine", "Uhland", "Eichendorff", "Brunnen",
    "Burg", "Schloss", "Markt", "Post", "Rathaus", "Ufer", "Hafen", "Brücken", "Nord", "Süd", "Ost", "West", "Sonnen", "Stern", "Blumen", "Tulpen", "Nelken",
    "Amsel", "Drossel", "Finken", "Meisen", "Lerchen", "Adler", "Falken", "Fuchs", "Hirsch", "Reh", "Bismarck", "Kant", "Humboldt", "Siemens", "Daimler", "Robert-Koch-",
    "Kölner ", "Berliner ", "Hamburger ", "Münchener ", "Frankfurter ", "Leipziger ", "Bremer ", "Kieler ", "Am Alten ",
];

const KINDS: &[(&str, &str)] =
    &[("straße", "str."), ("weg", "weg"), ("allee", "allee"), ("platz", "pl."), ("gasse", "g."), ("ring", "ring")];

#[rustfmt::skip]
const TOWNS: &[&str] = &[
    "Berlin", "Hamburg", "München", "Köln", "Frankfurt am Main", "Stuttgart", "Düsseldorf", "Leipzig", "Dortmund", "Essen", "Bremen", "Dresden", "Hannover",
    "Nürnberg", "Duisburg", "Bochum", "Wuppertal", "Bielefeld", "Bonn", "Münster", "Mannheim", "Karlsruhe", "Augsburg", "Wiesbaden", "Mönchengladbach",
    "Gelsenkirchen", "Aachen", "Braunschweig", "Chemnitz", "Kiel", "Halle", "Magdeburg", "Freiburg", "Krefeld", "Mainz", "Lübeck", "Erfurt", "Oberhausen", "Rostock",
    "Kassel", "Hagen", "Potsdam", "Saarbrücken", "Hamm", "Ludwigshafen", "Oldenburg", "Osnabrück", "Leverkusen", "Heidelberg", "Solingen", "Darmstadt", "Herne",
    "Neuss", "Regensburg", "Paderborn", "Ingolstadt", "Offenbach", "Fürth", "Würzburg", "Ulm", "Heilbronn", "Pforzheim", "Wolfsburg", "Göttingen", "Bottrop",
    "Reutlingen", "Koblenz", "Bremerhaven", "Jena", "Trier", "Erlangen", "Moers", "Cottbus", "Siegen", "Hildesheim", "Gütersloh", "Kaiserslautern",
];

/// German-speaking customers.
pub(crate) const GERMAN: Culture = Culture {
    women: WOMEN,
    men: MEN,
    nicknames: NICKNAMES,
    family: FAMILY,
    rare_family: (HEADS, TAILS),
    streets: STREETS,
    street_kinds: KINDS,
    street_joint: "",
    towns: TOWNS,
    mail: &[
        "gmx.de",
        "web.de",
        "t-online.de",
        "gmail.com",
        "freenet.de",
        "outlook.de",
        "yahoo.de",
        "posteo.de",
        "mailbox.org",
        "icloud.com",
    ],
    letters: &[
        ("ä", "ae"),
        ("ö", "oe"),
        ("ü", "ue"),
        ("Ä", "Ae"),
        ("Ö", "Oe"),
        ("Ü", "Ue"),
        ("ß", "ss"),
        ("ş", "s"),
        ("é", "e"),
    ],
    country_code: "49",
    mobile: &["151", "152", "157", "160", "162", "170", "171", "172", "175", "176", "179"],
    flat: "Whg.",
    titles: (&["Frau", "Dr."], &["Herr", "Dr."]),
};
