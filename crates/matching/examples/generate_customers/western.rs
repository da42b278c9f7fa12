//! English-speaking customers.

use crate::culture::Culture;

#[rustfmt::skip]
const WOMEN: &[&str] = &[
    "Mary", "Emma", "Sarah", "Elizabeth", "Jennifer", "Patricia", "Susan", "Margaret", "Jessica", "Laura", "Karen", "Linda", "Helen", "Rebecca",
    "Katherine", "Emily", "Charlotte", "Hannah", "Sophie", "Olivia", "Rachel", "Amy", "Julia", "Anna", "Christine", "Victoria", "Samantha", "Nicole",
    "Michelle", "Amanda", "Barbara", "Nancy", "Lisa", "Sandra", "Ashley", "Kimberly", "Donna", "Carol", "Ruth", "Sharon", "Deborah", "Stephanie",
    "Angela", "Melissa", "Brenda", "Pamela", "Cynthia", "Kathleen", "Dorothy", "Alice", "Lucy", "Grace", "Chloe", "Megan", "Lauren", "Danielle",
    "Natalie", "Abigail", "Isabella", "Mia", "Ella", "Amelia", "Evelyn", "Harper", "Sofia", "Maria", "Elena", "Carmen", "Teresa", "Monica", "Diana",
    "Joan", "Judith", "Jean", "Frances", "Martha", "Gloria", "Theresa", "Beverly", "Denise", "Marilyn", "Amber", "Danica", "Brittany", "Rose", "Diane",
    "Natasha", "Jane", "Lori", "Tina", "Kathryn", "Louise", "Sara", "Anne", "Jacqueline", "Wanda", "Bonnie", "Julie", "Ruby", "Lois", "Phyllis",
    "Norma", "Paula", "Annie", "Lillian", "Robin", "Peggy", "Crystal", "Gladys", "Rita", "Dawn", "Connie", "Florence", "Tracy", "Edna", "Tiffany",
    "Carmel", "Rosa", "Cindy", "Wendy", "Shannon", "Sheila", "Ellen", "Sylvia", "Yvonne", "Vivian", "Claire", "Gillian", "Fiona", "Heather", "Moira",
    "Siobhan", "Aoife", "Niamh", "Bronwen", "Cerys", "Imogen", "Poppy", "Freya", "Isla", "Evie", "Daisy", "Phoebe", "Matilda", "Beatrice", "Eleanor",
    "Harriet", "Georgina", "Philippa", "Rosemary", "Penelope", "Henrietta", "Cordelia", "Priya", "Anjali", "Sunita", "Fatima", "Aisha", "Zainab",
    "Leila", "Yasmin", "Noor", "Mei", "Ling", "Yuki", "Sakura", "Olga", "Svetlana", "Irina", "Agnieszka", "Katarzyna", "Magdalena", "Zofia", "Ingrid",
    "Astrid", "Sigrid", "Chiara", "Giulia", "Francesca", "Valentina", "Lucia", "Ines", "Beatriz", "Adele", "Camille", "Juliette", "Margot", "Noemie",
    "Bianca", "Daphne", "Esme", "Felicity", "Greta", "Hazel", "Iris", "Jocelyn", "Keira", "Lydia", "Maeve", "Nadia", "Ottilie", "Paige", "Quinn",
    "Rowena", "Sabrina", "Tabitha", "Una", "Verity", "Willow", "Xenia", "Zara", "Tamsin", "Thea", "Lorna", "Kirsty", "Catriona", "Ailsa", "Mhairi",
];

#[rustfmt::skip]
const MEN: &[&str] = &[
    "James", "John", "Robert", "Michael", "William", "David", "Thomas", "Daniel", "Christopher", "Matthew", "Joseph", "Andrew", "Richard", "Charles",
    "Anthony", "Mark", "Paul", "Steven", "Kevin", "Brian", "George", "Edward", "Peter", "Alexander", "Samuel", "Benjamin", "Jack", "Oliver", "Harry",
    "Jacob", "Nicholas", "Jonathan", "Stephen", "Timothy", "Ronald", "Kenneth", "Joshua", "Jason", "Jeffrey", "Ryan", "Gary", "Eric", "Larry", "Justin",
    "Scott", "Brandon", "Frank", "Gregory", "Raymond", "Patrick", "Dennis", "Jerry", "Tyler", "Aaron", "Jose", "Adam", "Henry", "Nathan", "Douglas",
    "Zachary", "Kyle", "Walter", "Ethan", "Jeremy", "Harold", "Keith", "Christian", "Roger", "Noah", "Gerald", "Carl", "Terry", "Sean", "Austin",
    "Arthur", "Lawrence", "Jesse", "Dylan", "Bryan", "Joe", "Jordan", "Billy", "Bruce", "Albert", "Willie", "Gabriel", "Logan", "Alan", "Juan", "Wayne",
    "Roy", "Ralph", "Randy", "Eugene", "Vincent", "Russell", "Elijah", "Louis", "Bobby", "Philip", "Johnny", "Simon", "Martin", "Ian", "Colin", "Graham",
    "Neil", "Stuart", "Duncan", "Malcolm", "Angus", "Hamish", "Callum", "Ewan", "Fergus", "Rory", "Liam", "Conor", "Declan", "Eoin", "Padraig", "Rhys",
    "Gareth", "Owen", "Dafydd", "Leo", "Oscar", "Archie", "Alfie", "Freddie", "Theodore", "Felix", "Hugo", "Jasper", "Rupert", "Sebastian", "Tristan",
    "Barnaby", "Cedric", "Desmond", "Edmund", "Francis", "Gilbert", "Horace", "Isaac", "Julian", "Kieran", "Lewis", "Miles", "Nigel", "Orlando",
    "Percival", "Quentin", "Reginald", "Stanley", "Trevor", "Ulysses", "Victor", "Winston", "Xavier", "Yusuf", "Zane", "Mohammed", "Ahmed", "Ali",
    "Hassan", "Omar", "Ibrahim", "Imran", "Rajesh", "Sanjay", "Amit", "Vikram", "Arjun", "Wei", "Hiroshi", "Kenji", "Ivan", "Dmitri", "Sergei", "Piotr",
    "Krzysztof", "Tomasz", "Lars", "Sven", "Erik", "Magnus", "Luca", "Marco", "Giovanni", "Matteo", "Alessandro", "Pablo", "Diego", "Javier", "Miguel",
    "Antoine", "Laurent", "Mathieu", "Olivier", "Thierry", "Clive", "Barry", "Derek", "Geoffrey", "Howard", "Leonard", "Maurice", "Norman", "Ross",
];

#[rustfmt::skip]
const NICKNAMES: &[(&str, &str)] = &[
    ("Elizabeth", "Liz"), ("Elizabeth", "Beth"), ("Elizabeth", "Betty"), ("Jennifer", "Jenny"), ("Jennifer", "Jen"), ("Patricia", "Pat"), ("Patricia", "Trish"),
    ("Susan", "Sue"), ("Margaret", "Maggie"), ("Margaret", "Peggy"), ("Margaret", "Meg"), ("Jessica", "Jess"), ("Katherine", "Kate"), ("Katherine", "Kathy"),
    ("Katherine", "Katie"), ("Rebecca", "Becky"), ("Victoria", "Vicky"), ("Victoria", "Tori"), ("Samantha", "Sam"), ("Christine", "Chris"), ("Deborah", "Debbie"),
    ("Stephanie", "Steph"), ("Kimberly", "Kim"), ("Amanda", "Mandy"), ("Sandra", "Sandy"), ("Barbara", "Barb"), ("Abigail", "Abby"), ("Isabella", "Bella"),
    ("Theresa", "Terry"), ("Teresa", "Tess"), ("Judith", "Judy"), ("Frances", "Fran"), ("Pamela", "Pam"), ("Cynthia", "Cindy"), ("Kathleen", "Kath"),
    ("Dorothy", "Dot"), ("Eleanor", "Nell"), ("Eleanor", "Ellie"), ("Georgina", "Gina"), ("Philippa", "Pippa"), ("Penelope", "Penny"), ("Rosemary", "Rosie"),
    ("Matilda", "Tilly"), ("Jacqueline", "Jackie"), ("Danielle", "Dani"), ("Natalie", "Nat"), ("Charlotte", "Lottie"), ("Harriet", "Hattie"), ("Angela", "Angie"),
    ("James", "Jim"), ("James", "Jamie"), ("John", "Jack"), ("John", "Johnny"), ("Robert", "Bob"), ("Robert", "Rob"), ("Robert", "Bobby"), ("Michael", "Mike"),
    ("Michael", "Mick"), ("William", "Bill"), ("William", "Will"), ("William", "Billy"), ("David", "Dave"), ("Thomas", "Tom"), ("Daniel", "Dan"), ("Daniel", "Danny"),
    ("Christopher", "Chris"), ("Christopher", "Kit"), ("Matthew", "Matt"), ("Joseph", "Joe"), ("Andrew", "Andy"), ("Andrew", "Drew"), ("Richard", "Dick"),
    ("Richard", "Rick"), ("Richard", "Rich"), ("Charles", "Charlie"), ("Charles", "Chuck"), ("Anthony", "Tony"), ("Steven", "Steve"), ("Stephen", "Steve"),
    ("Edward", "Ted"), ("Edward", "Ed"), ("Edward", "Eddie"), ("Peter", "Pete"), ("Alexander", "Alex"), ("Alexander", "Sandy"), ("Samuel", "Sam"),
    ("Benjamin", "Ben"), ("Harry", "Hal"), ("Jacob", "Jake"), ("Nicholas", "Nick"), ("Jonathan", "Jon"), ("Timothy", "Tim"), ("Ronald", "Ron"), ("Kenneth", "Ken"),
    ("Joshua", "Josh"), ("Jeffrey", "Jeff"), ("Gregory", "Greg"), ("Raymond", "Ray"), ("Patrick", "Paddy"), ("Patrick", "Pat"), ("Gerald", "Gerry"),
    ("Douglas", "Doug"), ("Zachary", "Zach"), ("Walter", "Wally"), ("Lawrence", "Larry"), ("Albert", "Bert"), ("Vincent", "Vince"), ("Russell", "Russ"),
    ("Philip", "Phil"), ("Frederick", "Fred"), ("Theodore", "Theo"), ("Theodore", "Ted"), ("Reginald", "Reg"), ("Stanley", "Stan"), ("Leonard", "Len"),
    ("Francis", "Frank"), ("Edmund", "Ned"), ("Henry", "Harry"), ("Henry", "Hank"), ("Sebastian", "Seb"), ("Geoffrey", "Geoff"), ("Mohammed", "Mo"),
];

#[rustfmt::skip]
const FAMILY: &[&str] = &[
    "Smith", "Jones", "Williams", "Brown", "Taylor", "Johnson", "Davies", "Miller", "Wilson", "Evans", "Thomas", "Roberts", "Walker", "Wright", "Robinson",
    "Thompson", "White", "Hughes", "Edwards", "Green", "Hall", "Wood", "Harris", "Lewis", "Martin", "Jackson", "Clarke", "Clark", "Turner", "Hill", "Scott",
    "Cooper", "Morris", "Ward", "Moore", "King", "Watson", "Baker", "Harrison", "Morgan", "Patel", "Young", "Allen", "Mitchell", "Anderson", "Phillips", "Lee",
    "Bell", "Parker", "Davis", "Bennett", "Kelly", "Cook", "Shaw", "Richardson", "Murphy", "Collins", "Carter", "Bailey", "Campbell", "Gray", "Cox", "Adams",
    "Marshall", "Khan", "Singh", "Garcia", "Martinez", "Rodriguez", "Lopez", "Gonzalez", "Hernandez", "Perez", "Sanchez", "Ramirez", "Torres", "Nguyen",
    "Rivera", "Gomez", "Diaz", "Reyes", "Cruz", "Ortiz", "Gutierrez", "Chavez", "Ramos", "Ruiz", "Alvarez", "Mendoza", "Castillo", "Jimenez", "Vargas",
    "Foster", "Russell", "Griffin", "Hayes", "Bryant", "Simpson", "Ellis", "Stevens", "Webb", "Tucker", "Mason", "Hunt", "Palmer", "Holmes", "Robertson",
    "Black", "Stone", "Knight", "Rose", "Fox", "Mills", "Powell", "Sullivan", "Long", "Price", "Butler", "Barnes", "Fisher", "Henderson", "Coleman", "Jenkins",
    "Perry", "Reynolds", "Hamilton", "Graham", "Murray", "Ford", "West", "Cole", "Jordan", "Owens", "Gibson", "McDonald", "Kennedy", "Wells", "Simmons",
    "Alexander", "Mcdonnell", "Fraser", "Macleod", "Mackenzie", "Stewart", "Duncan", "Ferguson", "Grant", "Wallace", "Burns", "Cameron", "Sinclair", "Munro",
    "O'Brien", "O'Connor", "O'Neill", "Byrne", "Ryan", "Walsh", "Doyle", "McCarthy", "Gallagher", "Doherty", "Quinn", "Nolan", "Fitzgerald", "Kavanagh",
    "Lloyd", "Rees", "Price", "Griffiths", "Howells", "Pritchard", "Vaughan", "Bowen", "Llewellyn", "Probert", "Ahmed", "Ali", "Hussain", "Begum", "Shah",
    "Kaur", "Sharma", "Gupta", "Mehta", "Kumar", "Chowdhury", "Iyer", "Rao", "Chan", "Wong", "Cheung", "Lam", "Ng", "Tran", "Pham", "Kim", "Park", "Tanaka",
    "Suzuki", "Kowalski", "Nowak", "Wisniewski", "Lewandowski", "Novak", "Horvat", "Popescu", "Ivanov", "Petrov", "Volkov", "Sokolov", "Rossi", "Russo",
    "Ferrari", "Esposito", "Romano", "Colombo", "Silva", "Santos", "Ferreira", "Pereira", "Costa", "Almeida", "Dubois", "Moreau", "Laurent", "Lefebvre",
    "Girard", "Fontaine", "Schmidt", "Mueller", "Weber", "Wagner", "Becker", "Hoffmann", "Larsen", "Hansen", "Olsen", "Nielsen", "Johansson", "Lindberg",
    "Eriksson", "Virtanen", "Okafor", "Adeyemi", "Mensah", "Okonkwo", "Ndlovu", "Haddad", "Nasser", "Cohen", "Levy", "Katz", "Friedman", "Archer", "Atkins",
    "Barker", "Bates", "Baxter", "Berry", "Bird", "Bishop", "Blake", "Bond", "Booth", "Bradley", "Brooks", "Bull", "Burgess", "Burton", "Bush", "Carr",
    "Chambers", "Chandler", "Chapman", "Church", "Cross", "Cunningham", "Curtis", "Dale", "Dawson", "Day", "Dean", "Dixon", "Dunn", "Elliott", "Farmer",
    "Field", "Fletcher", "Francis", "Freeman", "French", "Frost", "Gardner", "Gilbert", "Gill", "Glover", "Goodwin", "Gordon", "Hardy", "Harper", "Hart",
    "Harvey", "Hawkins", "Hodges", "Holland", "Hopkins", "Horton", "Howard", "Hudson", "Ingram", "James", "Jennings", "Kemp", "Lambert", "Lane", "Lawson",
    "Little", "Lowe", "Lucas", "Lynch", "Manning", "Marsh", "May", "Nash", "Nelson", "Newman", "Nicholson", "Norman", "Norris", "Page", "Parsons", "Payne",
    "Pearce", "Pearson", "Porter", "Potter", "Pratt", "Reed", "Reid", "Rhodes", "Rice", "Rogers", "Rowe", "Sanders", "Saunders", "Sharp", "Short", "Slater",
    "Spencer", "Stokes", "Sutton", "Swift", "Thornton", "Todd", "Townsend", "Tyler", "Wade", "Walters", "Warner", "Warren", "Waters", "Watkins", "Watts",
    "Weaver", "Webster", "Welch", "Wheeler", "Whitehead", "Wilkins", "Wilkinson", "Willis", "Winter", "Wolfe", "Woodward", "Yates", "York",
];

#[rustfmt::skip]
const HEADS: &[&str] = &[
    "Ash", "Al", "Ard", "Bar", "Bed", "Ben", "Black", "Brad", "Brom", "Brough", "Buck", "Cal", "Car", "Chat", "Chil", "Clay", "Cob", "Crans", "Cum", "Dal",
    "Den", "Dray", "Dun", "East", "Eg", "El", "Fair", "Far", "Fel", "Fen", "Gar", "Gos", "Grim", "Hal", "Ham", "Hart", "Hath", "Hazel", "Hem", "Hol", "Hox",
    "Ick", "Kel", "Ken", "Kirk", "Lang", "Led", "Lin", "Lock", "Lud", "Mal", "Mar", "Mel", "Mid", "Nor", "Oak", "Old", "Or", "Pem", "Pen", "Pick", "Quar",
    "Rad", "Rams", "Raw", "Red", "Rush", "San", "Sel", "Shel", "Stan", "Stock", "Strat", "Tad", "Thorn", "Tilling", "Up", "Wal", "War", "Wel", "Whit", "Win",
];

#[rustfmt::skip]
const TAILS: &[&str] = &[
    "bury", "by", "combe", "cott", "croft", "dale", "den", "don", "field", "fold", "ford", "gate", "grave", "grove", "ham", "hurst", "land", "ley", "low",
    "man", "mere", "more", "ney", "over", "ridge", "sall", "shaw", "stead", "ster", "stone", "thorpe", "ton", "vale", "wall", "ward", "water", "well", "wick",
    "win", "worth", "yard",
];

#[rustfmt::skip]
const STREETS: &[&str] = &[
    "High", "Station", "Church", "Park", "Victoria", "Green", "Manor", "Kings", "Queens", "Mill", "London", "Grange", "Springfield", "New", "York", "Windsor",
    "Albert", "Alexandra", "Highfield", "North", "South", "West", "East", "George", "Richmond", "Chester", "Main", "Broad", "Oak", "Elm", "Maple", "Cedar",
    "Pine", "Birch", "Ash", "Willow", "Walnut", "Cherry", "Chestnut", "Hawthorn", "Holly", "Ivy", "Laurel", "Poplar", "Rowan", "Sycamore", "Beech", "Lime",
    "Washington", "Lincoln", "Jefferson", "Franklin", "Madison", "Jackson", "Churchill", "Nelson", "Wellington", "Cromwell", "Stanley", "Balfour", "Gladstone",
    "Bridge", "River", "Lake", "Hill", "Valley", "Meadow", "Brook", "Spring", "Forest", "Wood", "Field", "Orchard", "Garden", "Farm", "Barn", "Priory", "Abbey",
    "Castle", "Tower", "Chapel", "Cathedral", "Market", "Bank", "Mint", "Cross", "School", "College", "Union", "Prospect", "Pleasant", "Sunset", "Dawn", "Harbour",
    "Quay", "Dock", "Anchor", "Beacon", "Cliff", "Marine", "Ocean", "Shore", "Heath", "Moor", "Common", "Fairview", "Belmont", "Clarence", "Devonshire",
    "Norfolk", "Suffolk", "Essex", "Kent", "Sussex", "Surrey", "Cambridge", "Oxford", "Lancaster", "Durham", "Carlisle", "Stirling", "Argyle", "Montrose",
    "Falcon", "Kestrel", "Swan", "Heron", "Partridge", "Nightingale", "Fox", "Badger", "Otter", "Hunters", "Millers", "Coopers", "Tanners", "Weavers", "Potters",
    "Saint James", "Saint Johns", "Saint Marys", "Saint Pauls", "All Saints", "Old Mill", "Long Acre", "Rose Hill", "Mount Pleasant", "Upper Park", "Lower Green",
];

#[rustfmt::skip]
const KINDS: &[(&str, &str)] = &[
    ("Street", "St"), ("Road", "Rd"), ("Avenue", "Ave"), ("Lane", "Ln"), ("Close", "Cl"), ("Drive", "Dr"), ("Way", "Way"), ("Court", "Ct"), ("Crescent", "Cres"),
    ("Place", "Pl"), ("Gardens", "Gdns"), ("Terrace", "Ter"), ("Grove", "Gr"), ("Square", "Sq"), ("Hill", "Hill"), ("Rise", "Rise"), ("Walk", "Wk"), ("View", "Vw"),
];

#[rustfmt::skip]
const TOWNS: &[&str] = &[
    "London", "Birmingham", "Manchester", "Leeds", "Glasgow", "Liverpool", "Newcastle", "Sheffield", "Bristol", "Edinburgh", "Belfast", "Cardiff", "Leicester",
    "Nottingham", "Coventry", "Bradford", "Hull", "Stoke", "Wolverhampton", "Plymouth", "Derby", "Southampton", "Portsmouth", "Swansea", "Aberdeen", "Dundee",
    "Reading", "Northampton", "Luton", "Brighton", "Bournemouth", "Norwich", "Oxford", "Cambridge", "Ipswich", "Peterborough", "Gloucester", "Exeter", "York",
    "Chester", "Bath", "Lincoln", "Lancaster", "Preston", "Blackpool", "Bolton", "Stockport", "Warrington", "Huddersfield", "Wakefield", "Doncaster", "Rotherham",
    "Barnsley", "Middlesbrough", "Sunderland", "Durham", "Carlisle", "Perth", "Inverness", "Stirling", "Falkirk", "Paisley", "Newport", "Wrexham", "Bangor",
    "Londonderry", "Lisburn", "Newry", "Worcester", "Hereford", "Shrewsbury", "Telford", "Stafford", "Burton", "Rugby", "Swindon", "Salisbury", "Winchester",
    "Guildford", "Woking", "Crawley", "Maidstone", "Canterbury", "Dover", "Hastings", "Eastbourne", "Chelmsford", "Colchester", "Southend", "Watford", "Stevenage",
    "Bedford", "Milton Keynes", "Aylesbury", "Slough", "Basingstoke", "Poole", "Torquay", "Truro", "Taunton", "Yeovil", "Kettering", "Corby", "Boston", "Grimsby",
    "Scunthorpe", "Harrogate", "Scarborough", "Darlington", "Hartlepool", "Gateshead", "Kendal", "Barrow", "Rochdale", "Oldham", "Bury", "Wigan", "Halifax",
];

#[rustfmt::skip]
const MAIL: &[&str] = &[
    "gmail.com", "outlook.com", "yahoo.com", "icloud.com", "hotmail.com", "btinternet.com", "live.com", "aol.com", "protonmail.com", "sky.com", "gmx.com",
    "mail.com", "fastmail.com", "virginmedia.com", "talktalk.net", "zoho.com",
];

/// English-speaking customers.
pub(crate) const WESTERN: Culture = Culture {
    women: WOMEN,
    men: MEN,
    nicknames: NICKNAMES,
    family: FAMILY,
    rare_family: (HEADS, TAILS),
    streets: STREETS,
    street_kinds: KINDS,
    street_joint: " ",
    towns: TOWNS,
    mail: MAIL,
    letters: &[("'", ""), ("-", " ")],
    country_code: "44",
    mobile: &["71", "73", "74", "75", "77", "78", "79"],
    flat: "Flat",
    titles: (&["Mrs", "Ms", "Miss", "Dr"], &["Mr", "Dr", "Mr"]),
};
